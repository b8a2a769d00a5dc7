#pragma once
#include <ATen/core/ivalue.h>
#include <napi.h>

#include <string>
#include <vector>

/** Plain conversions between JavaScript and C++ that more than one room needs. All throw ERR_ARGUMENT, naming `what`.
 */
namespace libtorch_node {

int64_t to_int(const Napi::Value& value, const char* what);
double to_double(const Napi::Value& value, const char* what);
bool to_bool(const Napi::Value& value, const char* what);
std::string to_string(const Napi::Value& value, const char* what);
std::vector<int64_t> to_ints(const Napi::Value& value, const char* what);

/** A number where it is exact, else a bigint. */
Napi::Value from_int(Napi::Env env, int64_t value);
Napi::Value from_ints(Napi::Env env, at::ArrayRef<int64_t> values);
/** Number, bigint, boolean or `{re, im}`. */
Napi::Value from_scalar(Napi::Env env, const at::Scalar& value);

/** A result of the dispatcher: tensors, numbers, lists and tuples of them. */
Napi::Value from_ivalue(Napi::Env env, const c10::IValue& value);

/** How messages call the kind of a value: "an integer", "a Tensor", "an array". */
std::string kind_name(const Napi::Value& value);

}  // namespace libtorch_node
