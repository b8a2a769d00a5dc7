#include "nn/option.h"

#include <cmath>

#include "core/error.h"
#include "core/option.h"

namespace libtorch_node::layers {

std::string python_float(double value) { return print_number(value, /*as_float=*/true); }

std::string python_tuple(c10::ArrayRef<int64_t> values) {
  std::string text = "(";
  for (size_t i = 0; i < values.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(values[i]);
  return text + (values.size() == 1 ? ",)" : ")");
}

void wrong_option(const std::string& where, const std::string& expected, const Napi::Value& given) {
  auto received = kind_name(given);
  if (given.IsArray()) {
    const auto length = given.As<Napi::Array>().Length();
    received = "an array of " + std::to_string(length) + (length == 1 ? " value" : " values");
  } else if (given.IsNumber()) {
    received = given.ToString().Utf8Value();
  }
  fail_argument(where + " to be " + expected + ", received " + received);
}

std::string list_text(c10::IntArrayRef values) {
  std::string text;
  for (const auto value : values) text += (text.empty() ? "" : ", ") + std::to_string(value);
  return "[" + text + "]";
}
std::string size_text(const at::Tensor& tensor) { return "torch.Size(" + list_text(tensor.sizes()) + ")"; }

std::string number_text(double value) {
  const bool whole = std::trunc(value) == value && std::abs(value) < 0x1p53;
  return whole ? std::to_string(static_cast<int64_t>(value)) : python_float(value);
}

}  // namespace libtorch_node::layers
