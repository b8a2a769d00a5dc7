#pragma once
#include <ATen/core/dispatch/Dispatcher.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ops/typed_call.h"

/** Operators as the dispatcher describes them, prepared for calls from JavaScript. Knows no operator by name. */
namespace libtorch_node {

enum class ArgType : uint8_t {
  Tensor,
  Scalar,
  Int,
  Float,
  Bool,
  Str,
  Dtype,
  Layout,
  MemoryFormat,
  Device,
  Generator,
  TensorList,
  OptionalTensorList,
  IntList,
  FloatList,
  BoolList,
  ScalarList,
  StrList,
};

struct ArgSpec {
  std::string name;
  ArgType type;
  bool optional;
  bool keyword_only;
  /** `int[2]`: 2, a single value stands for all; 0 for lists of any length */
  int32_t list_size;
  std::optional<c10::IValue> fallback;
  /** the operator writes to this tensor and may return it */
  bool written;
};

struct Overload {
  c10::OperatorHandle handle;
  std::vector<ArgSpec> args;
  /** number of arguments before the `*` of the schema */
  size_t positional;
  /** `view(2, 3)`: the only positional argument after `self` is a list of integers, which may come one by one */
  bool variadic;
  /** the shorter way to call it; null for most */
  std::unique_ptr<TypedCall> typed;
};

struct Operator {
  std::string name;  // 'aten::add'
  std::vector<Overload> overloads;
  /** each overload returns exactly one tensor: results are handles, and arguments may be */
  bool returns_tensor;
  /** Python's parser makes a tensor of a number where this operator wants one: `x + 1` is add.Tensor, not add.Scalar */
  bool numbers_as_tensors;
};

/** The operator with all overloads that can be called by name (no out variants, no named dimensions); null if unknown.
 */
const Operator* find_operator(const std::string& name);

/** The operator with one overload, out variants included; null if unknown. */
const Operator* find_overload(const std::string& name, const std::string& overload);

std::vector<std::string> operator_names();

/** Forgets the list of names, after a library has registered more. */
void forget_operator_names();

std::string type_text(const c10::Argument& argument);

}  // namespace libtorch_node
