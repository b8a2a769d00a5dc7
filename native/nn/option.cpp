#include "nn/option.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "core/error.h"

namespace libtorch_node::layers {

// The shortest digits that give the number back, laid out as Python's repr() does: an exponent below 1e-4 and from 1e16
// on. (std::to_chars of a double is too new for the libstdc++ of the systems that the package is for.)
std::string python_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 40> buffer;
  for (int precision = 0; precision <= 16; ++precision) {
    std::snprintf(buffer.data(), buffer.size(), "%.*e", precision, value);
    if (std::strtod(buffer.data(), nullptr) == value) break;
  }
  std::string digits(buffer.data());
  const std::string sign = digits[0] == '-' ? "-" : "";
  digits.erase(0, sign.size());
  const auto e = digits.find('e');
  const int exponent = std::stoi(digits.substr(e + 1));
  digits.resize(e);
  if (digits.size() > 1) digits.erase(1, 1);  // the point
  const int count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    const auto power = std::to_string(std::abs(exponent));
    const auto fraction = count > 1 ? "." + digits.substr(1) : "";
    return sign + digits[0] + fraction + (exponent < 0 ? "e-" : "e+") + (power.size() < 2 ? "0" : "") + power;
  }
  if (exponent < 0) return sign + "0." + std::string(-exponent - 1, '0') + digits;
  if (count <= exponent + 1) return sign + digits + std::string(exponent + 1 - count, '0') + ".0";
  return sign + digits.substr(0, exponent + 1) + "." + digits.substr(exponent + 1);
}

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
