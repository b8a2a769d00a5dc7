#include "core/option.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/item.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "core/convert.h"
#include "core/error.h"
#include "core/tensor.h"

namespace libtorch_node {

namespace {

template <class... F>
struct Cases : F... {
  using F::operator()...;
};
template <class... F>
Cases(F...) -> Cases<F...>;

Napi::Value literal_value(Napi::Env env, const Literal& literal) {
  return std::visit(Cases{
                        [&](std::monostate) -> Napi::Value { return env.Null(); },
                        [&](double v) -> Napi::Value { return Napi::Number::New(env, v); },
                        [&](int64_t v) -> Napi::Value { return from_int(env, v); },
                        [&](bool v) -> Napi::Value { return Napi::Boolean::New(env, v); },
                        [&](const char* v) -> Napi::Value { return Napi::String::New(env, v); },
                        [&](const std::vector<double>& v) -> Napi::Value {
                          auto array = Napi::Array::New(env, v.size());
                          for (uint32_t i = 0; i < v.size(); ++i) array.Set(i, Napi::Number::New(env, v[i]));
                          return array;
                        },
                        [&](const std::vector<std::optional<double>>& v) -> Napi::Value {
                          auto array = Napi::Array::New(env, v.size());
                          for (uint32_t i = 0; i < v.size(); ++i) {
                            array.Set(i, v[i] ? Napi::Value(Napi::Number::New(env, *v[i])) : env.Null());
                          }
                          return array;
                        },
                        [&](Required) -> Napi::Value { return env.Undefined(); },
                    },
                    literal);
}

const char* literal_kind(const Literal& literal) {
  return std::visit(Cases{
                        [](std::monostate) { return "none"; },
                        [](double) { return "float"; },
                        [](int64_t) { return "int"; },
                        [](bool) { return "bool"; },
                        [](const char*) { return "str"; },
                        [](const std::vector<double>&) { return "tuple"; },
                        [](const std::vector<std::optional<double>>&) { return "tuple"; },
                        [](Required r) { return r.kind; },
                    },
                    literal);
}

std::string type_of(const Option& option, const std::string& kind) {
  if (option.type != nullptr) return option.type;
  if (kind == "float" || kind == "int") return "number";
  if (kind == "bool") return "boolean";
  if (kind == "tuple") {
    std::string type;
    for (size_t i = 0; i < std::get<std::vector<double>>(option.fallback).size(); ++i)
      type += i ? ", number" : "number";
    return "[" + type + "]";
  }
  return kind == "str" ? "string" : "null";
}

c10::IValue to_literal(const Napi::Value& value, const char* owner, const char* name) {
  if (value.IsNumber()) return value.As<Napi::Number>().DoubleValue();
  if (value.IsBoolean()) return value.As<Napi::Boolean>().Value();
  if (value.IsNull()) return {};
  if (value.IsString()) return value.As<Napi::String>().Utf8Value();
  if (value.IsBigInt()) return static_cast<double>(to_int(value, name));
  if (value.IsArray()) {
    const auto array = value.As<Napi::Array>();
    std::vector<double> numbers;
    c10::impl::GenericList mixed(c10::AnyType::get());
    for (uint32_t i = 0; i < array.Length(); ++i) {
      const Napi::Value item = array.Get(i);
      if (item.IsNull()) {
        mixed.push_back(c10::IValue());
      } else if (auto* impl = item.IsObject() ? tensor_impl(item.Env(), item) : nullptr) {
        mixed.push_back(borrow(impl));
      } else {
        numbers.push_back(to_double(item, name));
        mixed.push_back(numbers.back());
      }
    }
    if (numbers.size() != mixed.size()) return mixed;
    return numbers;
  }
  if (auto* impl = value.IsObject() ? tensor_impl(value.Env(), value) : nullptr) return borrow(impl);
  fail_argument(std::string(owner) + ": " + name + " may not be " + kind_name(value));
}

}  // namespace

Napi::Object describe_option(Napi::Env env, const Option& option) {
  auto object = Napi::Object::New(env);
  const std::string kind = literal_kind(option.fallback);
  object.Set("name", option.name);
  object.Set("kind", kind);
  object.Set("type", type_of(option, kind));
  object.Set("doc", option.doc);
  object.Set("required", std::holds_alternative<Required>(option.fallback));
  object.Set("default", literal_value(env, option.fallback));
  return object;
}

Napi::Array from_names(Napi::Env env, const std::vector<const char*>& names) {
  auto array = Napi::Array::New(env, names.size());
  for (uint32_t i = 0; i < names.size(); ++i) array.Set(i, Napi::String::New(env, names[i]));
  return array;
}

Values::Values(const char* owner, const std::vector<const char*>& names, const Napi::Value& array)
    : owner_(owner), names_(&names) {
  if (!array.IsArray()) fail_argument(std::string(owner) + ": the option values must be an array");
  const auto given = array.As<Napi::Array>();
  if (given.Length() != names.size()) fail_argument(std::string(owner) + ": a wrong number of option values");
  values_.reserve(names.size());
  for (uint32_t i = 0; i < names.size(); ++i) values_.push_back(to_literal(given.Get(i), owner, names[i]));
}

void Values::wrong(const char* name, const char* expected) const {
  fail_argument(std::string(owner_) + ": " + name + " must be " + expected);
}

const c10::IValue& Values::at(const char* name) const {
  for (size_t i = 0; i < values_.size(); ++i) {
    if (std::strcmp((*names_)[i], name) == 0) return values_[i];
  }
  fail_argument(std::string(owner_) + " has no option " + name);
}

double Values::real(const char* name) const {
  const auto& value = at(name);
  if (value.isDouble()) return value.toDouble();
  if (value.isTensor() && value.toTensor().numel() == 1) return value.toTensor().item().toDouble();
  wrong(name, "a number");
}

double Values::real(const char* name, size_t index) const {
  const auto& value = at(name);
  if (!value.isList()) wrong(name, "an array of numbers");
  const auto list = value.toListRef();
  if (index >= list.size()) fail_argument(std::string(owner_) + ": " + name + " has too few numbers");
  if (list[index].isDouble()) return list[index].toDouble();
  if (!list[index].isTensor()) wrong(name, "an array of numbers");
  const auto& tensor = list[index].toTensor();
  if (tensor.numel() != 1) fail_argument("Boolean value of Tensor with more than one value is ambiguous");
  return tensor.item().toDouble();
}

std::optional<double> Values::real_or_none(const char* name, size_t index) const {
  const auto& value = at(name);
  if (value.isDoubleList()) return real(name, index);
  if (!value.isList()) wrong(name, "an array of numbers");
  const auto list = value.toListRef();
  if (index >= list.size()) fail_argument(std::string(owner_) + ": " + name + " has too few numbers");
  return list[index].isNone() ? std::nullopt : std::optional(list[index].toDouble());
}

bool Values::flag(const char* name) const {
  const auto& value = at(name);
  // Python takes None for false here, and old files have it
  if (value.isNone()) return false;
  if (!value.isBool()) wrong(name, "a boolean");
  return value.toBool();
}

std::optional<bool> Values::choice(const char* name) const {
  return at(name).isNone() ? std::nullopt : std::optional(flag(name));
}

// The shortest digits that give the number back, in scientific notation. (std::to_chars of a double is too new for the
// libstdc++ of the systems that the package is for.)
static std::string shortest(double number) {
  char text[48];
  for (int precision = 0; precision <= 16; ++precision) {
    // what is read as a power of two reaches further up than down: the middle of it may have fewer digits than the
    // number
    for (const long double near : {number * 1.0L, number * (1 + 0x1p-55L)}) {
      std::snprintf(text, sizeof text, "%.*Le", precision, near);
      if (std::strtod(text, nullptr) == number) return text;
    }
  }
  return text;
}

// As Python's repr(): an exponent below 1e-4 and from 1e16 on.
std::string print_number(double number, bool as_float) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  auto digits = shortest(number);
  const std::string sign = digits[0] == '-' ? "-" : "";
  digits.erase(0, sign.size());
  const auto e = digits.find('e');
  const int exponent = std::stoi(digits.substr(e + 1));
  if (exponent < -4 || exponent >= 16) return sign + digits;
  digits.resize(e);
  if (digits.size() > 1) digits.erase(1, 1);  // the point
  const int count = static_cast<int>(digits.size());
  if (exponent < 0) return sign + "0." + std::string(-exponent - 1, '0') + digits;
  if (count <= exponent + 1) return sign + digits + std::string(exponent + 1 - count, '0') + (as_float ? ".0" : "");
  return sign + digits.substr(0, exponent + 1) + "." + digits.substr(exponent + 1);
}

std::string Values::print(const char* name) const { return print_number(real(name)); }

std::string Values::print(const char* name, size_t index) const {
  const double number = real(name, index);
  const auto& value = at(name);
  const bool as_float = value.isDoubleList() || !value.toListRef()[index].isTensor() ||
                        value.toListRef()[index].toTensor().is_floating_point();
  return print_number(number, as_float);
}

}  // namespace libtorch_node
