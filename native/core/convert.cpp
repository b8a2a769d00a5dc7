#include "core/convert.h"

#include <cmath>
#include <limits>

#include "core/dtype.h"
#include "core/error.h"
#include "core/tensor.h"

namespace libtorch_node {

namespace {

constexpr double kMaxSafe = 9007199254740991.0;  // 2^53 - 1

[[noreturn]] void wrong_kind(const Napi::Value& value, const char* what, const char* expected) {
  fail_argument(std::string(what) + ": expected " + expected + ", received " + kind_name(value));
}

}  // namespace

std::string kind_name(const Napi::Value& value) {
  switch (value.Type()) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_boolean:
      return "a boolean";
    case napi_number: {
      const double number = value.As<Napi::Number>();
      return std::nearbyint(number) == number ? "an integer" : "a fractional number";
    }
    case napi_bigint:
      return "a bigint";
    case napi_string:
      return "the string '" + value.As<Napi::String>().Utf8Value() + "'";
    case napi_function:
      return "a function";
    case napi_symbol:
      return "a symbol";
    default:
      break;
  }
  if (value.IsArray()) return "an array";
  if (value.IsTypedArray()) return "a typed array";
  if (is_tensor(value.Env(), value)) return "a Tensor";
  if (handle_of(value.Env(), value) != nullptr) return "a native object";
  return "an object";
}

int64_t to_int(const Napi::Value& value, const char* what) {
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>();
    if (std::nearbyint(number) != number) wrong_kind(value, what, "an integer");
    if (std::abs(number) > kMaxSafe) {
      fail_argument(std::string(what) + ": integers beyond 2^53 are not exact as numbers; pass a bigint");
    }
    return static_cast<int64_t>(number);
  }
  if (value.IsBigInt()) {
    bool lossless = false;
    const int64_t number = value.As<Napi::BigInt>().Int64Value(&lossless);
    if (!lossless) fail_argument(std::string(what) + ": the bigint does not fit into 64 bits");
    return number;
  }
  wrong_kind(value, what, "an integer");
}

double to_double(const Napi::Value& value, const char* what) {
  if (value.IsNumber()) return value.As<Napi::Number>();
  if (value.IsBigInt()) return static_cast<double>(to_int(value, what));
  wrong_kind(value, what, "a number");
}

bool to_bool(const Napi::Value& value, const char* what) {
  if (!value.IsBoolean()) wrong_kind(value, what, "a boolean");
  return value.As<Napi::Boolean>();
}

std::string to_string(const Napi::Value& value, const char* what) {
  if (!value.IsString()) wrong_kind(value, what, "a string");
  return value.As<Napi::String>();
}

std::vector<int64_t> to_ints(const Napi::Value& value, const char* what) {
  if (!value.IsArray()) wrong_kind(value, what, "an array of integers");
  auto array = value.As<Napi::Array>();
  std::vector<int64_t> ints;
  ints.reserve(array.Length());
  for (uint32_t i = 0; i < array.Length(); ++i) ints.push_back(to_int(array.Get(i), what));
  return ints;
}

Napi::Value from_int(Napi::Env env, int64_t value) {
  if (std::abs(static_cast<double>(value)) <= kMaxSafe) return Napi::Number::New(env, static_cast<double>(value));
  return Napi::BigInt::New(env, value);
}

Napi::Value from_ints(Napi::Env env, at::ArrayRef<int64_t> values) {
  auto array = Napi::Array::New(env, values.size());
  for (size_t i = 0; i < values.size(); ++i) array.Set(static_cast<uint32_t>(i), from_int(env, values[i]));
  return array;
}

Napi::Value from_scalar(Napi::Env env, const at::Scalar& value) {
  if (value.isBoolean()) return Napi::Boolean::New(env, value.toBool());
  if (value.type() == at::kUInt64) return Napi::BigInt::New(env, value.toUInt64());
  if (value.isIntegral(false)) return from_int(env, value.toLong());
  if (value.isComplex()) {
    const auto number = value.toComplexDouble();
    auto object = Napi::Object::New(env);
    object.Set("re", Napi::Number::New(env, number.real()));
    object.Set("im", Napi::Number::New(env, number.imag()));
    return object;
  }
  return Napi::Number::New(env, value.toDouble());
}

Napi::Value from_ivalue(Napi::Env env, const c10::IValue& value) {
  if (value.isNone()) return env.Null();
  if (value.isTensor()) return Napi::Value(env, new_tensor(env, value.toTensor()));
  if (value.isBool()) return Napi::Boolean::New(env, value.toBool());
  if (value.isInt()) return from_int(env, value.toInt());
  if (value.isDouble()) return Napi::Number::New(env, value.toDouble());
  if (value.isString()) return Napi::String::New(env, value.toStringRef());
  if (value.isDevice()) return Napi::String::New(env, device_name(value.toDevice()));
  if (value.isScalar()) return from_scalar(env, value.toScalar());
  if (value.isList() || value.isTuple()) {
    const auto list = value.isTuple() ? value.toTupleRef().elements().vec() : value.toListRef().vec();
    auto array = Napi::Array::New(env, list.size());
    for (size_t i = 0; i < list.size(); ++i) array.Set(static_cast<uint32_t>(i), from_ivalue(env, list[i]));
    return array;
  }
  if (value.isGenericDict()) {
    auto object = Napi::Object::New(env);
    for (const auto& entry : value.toGenericDict())
      object.Set(from_ivalue(env, entry.key()), from_ivalue(env, entry.value()));
    return object;
  }
  fail("ERR_TORCH", "a result of kind " + value.tagKind() + " has no form in JavaScript");
}

}  // namespace libtorch_node
