#pragma once
#include <cmath>

#include "core/error.h"
#include "nn/option.h"

/** Options of which Python keeps, and prints, the form they were given in. */
namespace libtorch_node::layers {

/** A number that Python prints as an integer when it was given as one: here, when it is whole. */
struct GivenNumber {
  double value = 0;
};
template <>
struct Form<GivenNumber> : Form<double> {
  static GivenNumber read(const Napi::Value& v, const std::string& where) { return {Form<double>::read(v, where)}; }
  static Napi::Value write(Napi::Env env, const GivenNumber& v) { return Form<double>::write(env, v.value); }
  static std::string python(const GivenNumber& v) {
    const bool whole = std::trunc(v.value) == v.value && std::abs(v.value) < 0x1p53;
    const bool negative_zero = v.value == 0 && std::signbit(v.value);
    return whole && !negative_zero ? std::to_string(static_cast<int64_t>(v.value)) : python_float(v.value);
  }
};

/** One value, or a tuple of any length. */
template <class T>
struct OneOrMore {
  std::vector<T> values;
  bool single = true;
};
template <class T>
struct Form<OneOrMore<T>> {
  static std::string accepts() { return Form<T>::accepts() + " | " + Form<T>::accepts() + "[]"; }
  static std::string gives() { return accepts(); }
  static std::string expected() { return Form<T>::expected() + " or an array of them"; }
  static bool fits(const Napi::Value& v) {
    if (!v.IsArray()) return Form<T>::fits(v);
    const auto array = v.As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); ++i) {
      if (!Form<T>::fits(array.Get(i))) return false;
    }
    return true;
  }
  static OneOrMore<T> read(const Napi::Value& v, const std::string& where) {
    OneOrMore<T> list{.values = {}, .single = !v.IsArray()};
    if (list.single) {
      list.values.push_back(Form<T>::read(v, where));
      return list;
    }
    const auto array = v.As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); ++i) list.values.push_back(Form<T>::read(array.Get(i), where));
    return list;
  }
  static Napi::Value write(Napi::Env env, const OneOrMore<T>& v) {
    if (v.single) return Form<T>::write(env, v.values[0]);
    auto array = Napi::Array::New(env, v.values.size());
    for (uint32_t i = 0; i < v.values.size(); ++i) array.Set(i, Form<T>::write(env, v.values[i]));
    return array;
  }
  static std::string python(const OneOrMore<T>& v) {
    if (v.single) return Form<T>::python(v.values[0]);
    std::string text = "(";
    for (size_t i = 0; i < v.values.size(); ++i) text += (i == 0 ? "" : ", ") + Form<T>::python(v.values[i]);
    return text + (v.values.size() == 1 ? ",)" : ")");
  }
};

/** A list as Python prints it. */
inline std::string python_list(c10::ArrayRef<int64_t> values) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(values[i]);
  return text + "]";
}

/** Python's int(): towards zero, ERR_ARGUMENT in Python's words where there is no such integer. */
inline int64_t python_int(double value) {
  if (std::isnan(value)) fail_argument("cannot convert float NaN to integer");
  if (std::isinf(value)) fail_argument("cannot convert float infinity to integer");
  if (std::abs(value) >= 0x1p63) fail_argument("Python int too large to convert to C long");
  return static_cast<int64_t>(value);
}

}  // namespace libtorch_node::layers
