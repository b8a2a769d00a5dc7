#pragma once
#include <ATen/core/Tensor.h>
#include <napi.h>
#include <torch/enum.h>
#include <torch/expanding_array.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "core/convert.h"
#include "core/tensor.h"

/**
 * The forms of a layer's option. For every C++ type that a `TORCH_ARG` of torch::nn has, Form<T> says how it is read
 * from JavaScript, how it is given back, how Python prints it, and what TypeScript and messages call it. A row names
 * the option only; the type of its getter picks the Form, so that nothing can drift from LibTorch.
 */
namespace libtorch_node::layers {

/** Python's words for numbers: `1e-05`, `0.1`, `(2, 2)`. */
std::string python_float(double value);
/** Python's `[2, 3]` and `torch.Size([2, 3])`. */
std::string list_text(c10::IntArrayRef values);
std::string size_text(const at::Tensor& tensor);
/** A number in messages: whole ones as Python prints integers. */
std::string number_text(double value);
std::string python_tuple(c10::ArrayRef<int64_t> values);

/** [[noreturn]] ERR_ARGUMENT: "Conv2d: expected stride to be …, received …". */
[[noreturn]] void wrong_option(const std::string& where, const std::string& expected, const Napi::Value& given);

/** D numbers of which Python keeps the form they were given in: `2` stays `2`, `(2, 2)` stays `(2, 2)`. */
template <size_t D>
struct AsGiven {
  AsGiven() : AsGiven(0) {}
  AsGiven(int64_t value) { values.fill(value); }  // NOLINT: 1 for every dimension is what callers write
  std::array<int64_t, D> values;
  bool single = true;
  operator c10::IntArrayRef() const { return values; }  // NOLINT
};

template <class T>
struct Form;

template <>
struct Form<int64_t> {
  static constexpr const char* kExpected = "an integer";
  static std::string accepts() { return "number"; }
  static std::string gives() { return "number"; }
  static std::string expected() { return kExpected; }
  static bool fits(const Napi::Value& v) { return v.IsBigInt() || (v.IsNumber() && kind_name(v) == kExpected); }
  static int64_t read(const Napi::Value& v, const std::string& where) { return to_int(v, where.c_str()); }
  static Napi::Value write(Napi::Env env, int64_t v) { return from_int(env, v); }
  static std::string python(int64_t v) { return std::to_string(v); }
};

template <>
struct Form<double> {
  static std::string accepts() { return "number"; }
  static std::string gives() { return "number"; }
  static std::string expected() { return "a number"; }
  static bool fits(const Napi::Value& v) { return v.IsNumber(); }
  static double read(const Napi::Value& v, const std::string&) { return v.As<Napi::Number>(); }
  static Napi::Value write(Napi::Env env, double v) { return Napi::Number::New(env, v); }
  static std::string python(double v) { return python_float(v); }
};

template <>
struct Form<bool> {
  static std::string accepts() { return "boolean"; }
  static std::string gives() { return "boolean"; }
  static std::string expected() { return "a boolean"; }
  static bool fits(const Napi::Value& v) { return v.IsBoolean(); }
  static bool read(const Napi::Value& v, const std::string&) { return v.As<Napi::Boolean>(); }
  static Napi::Value write(Napi::Env env, bool v) { return Napi::Boolean::New(env, v); }
  static std::string python(bool v) { return v ? "True" : "False"; }
};

template <>
struct Form<std::string> {
  static std::string accepts() { return "string"; }
  static std::string gives() { return "string"; }
  static std::string expected() { return "a string"; }
  static bool fits(const Napi::Value& v) { return v.IsString(); }
  static std::string read(const Napi::Value& v, const std::string&) { return v.As<Napi::String>(); }
  static Napi::Value write(Napi::Env env, const std::string& v) { return Napi::String::New(env, v); }
  static std::string python(const std::string& v) { return v; }
};

/** A tensor, or none. */
template <>
struct Form<at::Tensor> {
  static std::string accepts() { return "Tensor | null"; }
  static std::string gives() { return "Tensor | null"; }
  static std::string expected() { return "a Tensor or null"; }
  static bool fits(const Napi::Value& v) { return v.IsNull() || tensor_impl(v.Env(), v) != nullptr; }
  static at::Tensor read(const Napi::Value& v, const std::string& where) {
    return unwrap_optional_tensor(v, where.c_str());
  }
  static Napi::Value write(Napi::Env env, const at::Tensor& v) { return Napi::Value(env, new_tensor(env, v)); }
  static std::string python(const at::Tensor& v) { return v.defined() ? "Tensor" : "None"; }
};

template <class T>
struct Form<std::optional<T>> {
  static std::string accepts() { return Form<T>::accepts().append(" | null"); }
  static std::string gives() { return Form<T>::gives().append(" | null"); }
  static std::string expected() { return Form<T>::expected().append(" or null"); }
  static bool fits(const Napi::Value& v) { return v.IsNull() || Form<T>::fits(v); }
  static std::optional<T> read(const Napi::Value& v, const std::string& where) {
    return v.IsNull() ? std::nullopt : std::optional<T>(Form<T>::read(v, where));
  }
  static Napi::Value write(Napi::Env env, const std::optional<T>& v) {
    return v ? Form<T>::write(env, *v) : env.Null();
  }
  static std::string python(const std::optional<T>& v) { return v ? Form<T>::python(*v) : "None"; }
};

template <>
struct Form<std::vector<int64_t>> {
  static std::string accepts() { return "number | number[]"; }
  static std::string gives() { return "number[]"; }
  static std::string expected() { return "an integer or an array of integers"; }
  static bool fits(const Napi::Value& v) { return v.IsArray() || Form<int64_t>::fits(v); }
  static std::vector<int64_t> read(const Napi::Value& v, const std::string& where) {
    if (v.IsArray()) return to_ints(v, where.c_str());
    return {Form<int64_t>::read(v, where)};
  }
  static Napi::Value write(Napi::Env env, const std::vector<int64_t>& v) { return from_ints(env, v); }
  static std::string python(const std::vector<int64_t>& v) { return python_tuple(v); }
};

/** One number for all D dimensions, or D of them. */
template <size_t D>
struct Sizes {
  static std::string tuple() {
    std::string text = "[";
    for (size_t i = 0; i < D; ++i) text += i == 0 ? "number" : ", number";
    return text + "]";
  }
  static std::string expected() {
    return D == 1 ? "an integer or an array of 1 integer"
                  : "an integer or an array of " + std::to_string(D) + " integers";
  }
  static bool fits(const Napi::Value& v) {
    if (!v.IsArray()) return Form<int64_t>::fits(v);
    auto array = v.As<Napi::Array>();
    if (array.Length() != D) return false;
    for (uint32_t i = 0; i < D; ++i) {
      if (!Form<int64_t>::fits(array.Get(i))) return false;
    }
    return true;
  }
  static std::array<int64_t, D> read(const Napi::Value& v, const std::string& where) {
    std::array<int64_t, D> sizes;
    if (!v.IsArray())
      sizes.fill(Form<int64_t>::read(v, where));
    else
      std::ranges::copy(to_ints(v, where.c_str()), sizes.begin());
    return sizes;
  }
};

template <size_t D>
struct Form<torch::ExpandingArray<D>> : Sizes<D> {
  static std::string accepts() { return "number | " + Sizes<D>::tuple(); }
  static std::string gives() { return Sizes<D>::tuple(); }
  static torch::ExpandingArray<D> read(const Napi::Value& v, const std::string& where) {
    return {Sizes<D>::read(v, where)};
  }
  static Napi::Value write(Napi::Env env, const torch::ExpandingArray<D>& v) { return from_ints(env, *v); }
  static std::string python(const torch::ExpandingArray<D>& v) { return python_tuple(*v); }
};

template <size_t D>
struct Form<AsGiven<D>> : Sizes<D> {
  static std::string accepts() { return "number | " + Sizes<D>::tuple(); }
  static std::string gives() { return accepts(); }
  static AsGiven<D> read(const Napi::Value& v, const std::string& where) {
    AsGiven<D> sizes;
    sizes.values = Sizes<D>::read(v, where);
    sizes.single = !v.IsArray();
    return sizes;
  }
  static Napi::Value write(Napi::Env env, const AsGiven<D>& v) {
    return v.single ? from_int(env, v.values[0]) : from_ints(env, v.values);
  }
  static std::string python(const AsGiven<D>& v) {
    return v.single ? std::to_string(v.values[0]) : python_tuple(v.values);
  }
};

/** An enumeration value of LibTorch under Python's name: torch::kMean is 'mean'. */
template <class E>
  requires requires(E e) { torch::enumtype::_compute_enum_name{}(e); }
struct Form<E> {
  static std::string name() {
    auto text = torch::enumtype::_compute_enum_name{}(E{}).substr(1);
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
  }
  static std::string accepts() { return "'" + name() + "'"; }
  static std::string gives() { return accepts(); }
  static std::string expected() { return accepts(); }
  static bool fits(const Napi::Value& v) { return v.IsString() && v.As<Napi::String>().Utf8Value() == name(); }
  static E read(const Napi::Value&, const std::string&) { return E{}; }
  static Napi::Value write(Napi::Env env, const E&) { return Napi::String::New(env, name()); }
  static std::string python(const E&) { return name(); }
};

template <class... T>
struct Form<std::variant<T...>> {
  using Value = std::variant<T...>;
  static std::string join(std::initializer_list<std::string> words, const char* glue) {
    std::string text;
    for (const auto& word : words) text += text.empty() ? word : glue + word;
    return text;
  }
  static std::string accepts() { return join({Form<T>::accepts()...}, " | "); }
  static std::string gives() { return join({Form<T>::gives()...}, " | "); }
  static std::string expected() { return join({Form<T>::expected()...}, " or "); }
  static bool fits(const Napi::Value& v) { return (Form<T>::fits(v) || ...); }
  static Value read(const Napi::Value& v, const std::string& where) {
    std::optional<Value> value;
    (void)((Form<T>::fits(v) ? (value = Form<T>::read(v, where), true) : false) || ...);
    return *value;
  }
  static Napi::Value write(Napi::Env env, const Value& v) {
    return std::visit([env](const auto& held) { return Form<std::decay_t<decltype(held)>>::write(env, held); }, v);
  }
  static std::string python(const Value& v) {
    return std::visit([](const auto& held) { return Form<std::decay_t<decltype(held)>>::python(held); }, v);
  }
};

/** Reads an option, or says what is wrong with it. `where` is "Conv2d: expected stride". */
template <class T>
T read_option(const Napi::Value& value, const std::string& where) {
  if (!Form<T>::fits(value)) wrong_option(where, Form<T>::expected(), value);
  return Form<T>::read(value, where);
}

}  // namespace libtorch_node::layers
