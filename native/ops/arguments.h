#pragma once
#include <node_api.h>

#include "core/env.h"
#include "ops/schema.h"

/** JavaScript arguments, looked at once and then tried against one overload after the other. */
namespace libtorch_node {

enum class Kind : uint8_t {
  /** not given at all */
  Missing,
  Undefined,
  Null,
  Bool,
  Int,
  Float,
  BigInt,
  String,
  Tensor,
  Generator,
  Complex,
  /** arrays and typed arrays, by what all elements are */
  Empty,
  Ints,
  Numbers,
  Bools,
  Strings,
  Tensors,
  /** tensors and null */
  OptionalTensors,
  Other,
};

struct Arg {
  Kind kind = Kind::Missing;
  napi_value value = nullptr;
  /** of Int, Float, Bool */
  double number = 0;
  /** of Tensor: borrowed from its wrapper, which the call keeps alive */
  c10::TensorImpl* tensor = nullptr;
};

/** Throws for a tensor that was disposed of; everything else finds a kind. */
Arg look_at(napi_env env, napi_value value);

/** The same for the handle of a Tensor; the Arg has no value. */
Arg look_at_handle(napi_env env, const EnvData& data, napi_value handle);

/**
 * The value of `arg` as `spec` wants it; false when it does not fit. `numbers_as_tensors` makes a tensor of a number
 * where one is wanted; `lenient` adds what Python allows after all else, 0-dimensional tensors for numbers.
 */
bool convert(napi_env env, const ArgSpec& spec, const Arg& arg, bool lenient, bool numbers_as_tensors,
             c10::IValue& out);

/** "a Tensor", "the string 'x'", "an array of integers" */
std::string describe(napi_env env, const Arg& arg);

}  // namespace libtorch_node
