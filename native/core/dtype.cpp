#include "core/dtype.h"

#include <array>
#include <utility>

#include "core/error.h"

namespace libtorch_node {

namespace {

using Row = std::pair<const char*, c10::ScalarType>;
// Python's names; short ones ("float", "long") are aliases behind the proper ones.
const std::array kTypes{
    Row{"float32", c10::kFloat},
    Row{"float64", c10::kDouble},
    Row{"float16", c10::kHalf},
    Row{"bfloat16", c10::kBFloat16},
    Row{"int64", c10::kLong},
    Row{"int32", c10::kInt},
    Row{"int16", c10::kShort},
    Row{"int8", c10::kChar},
    Row{"uint8", c10::kByte},
    Row{"uint16", c10::kUInt16},
    Row{"uint32", c10::kUInt32},
    Row{"uint64", c10::kUInt64},
    Row{"bool", c10::kBool},
    Row{"complex64", c10::kComplexFloat},
    Row{"complex128", c10::kComplexDouble},
    Row{"complex32", c10::kComplexHalf},
    Row{"float8_e5m2", c10::kFloat8_e5m2},
    Row{"float8_e4m3fn", c10::kFloat8_e4m3fn},
    Row{"float8_e5m2fnuz", c10::kFloat8_e5m2fnuz},
    Row{"float8_e4m3fnuz", c10::kFloat8_e4m3fnuz},
    Row{"float8_e8m0fnu", c10::kFloat8_e8m0fnu},
    Row{"float4_e2m1fn_x2", c10::kFloat4_e2m1fn_x2},
    Row{"qint8", c10::kQInt8},
    Row{"quint8", c10::kQUInt8},
    Row{"qint32", c10::kQInt32},
    Row{"quint4x2", c10::kQUInt4x2},
    Row{"quint2x4", c10::kQUInt2x4},
    Row{"bits8", c10::kBits8},
    Row{"bits16", c10::kBits16},
    Row{"bits1x8", c10::kBits1x8},
    Row{"bits2x4", c10::kBits2x4},
    Row{"bits4x2", c10::kBits4x2},
    Row{"float", c10::kFloat},
    Row{"double", c10::kDouble},
    Row{"half", c10::kHalf},
    Row{"long", c10::kLong},
    Row{"int", c10::kInt},
    Row{"short", c10::kShort},
    Row{"cfloat", c10::kComplexFloat},
    Row{"cdouble", c10::kComplexDouble},
    Row{"chalf", c10::kComplexHalf},
};

}  // namespace

const char* dtype_name(c10::ScalarType type) {
  for (const auto& [name, row_type] : kTypes) {
    if (row_type == type) return name;
  }
  return c10::toString(type);
}

std::optional<c10::ScalarType> find_dtype(std::string_view name) {
  for (const auto& [row_name, type] : kTypes) {
    if (name == row_name) return type;
  }
  return std::nullopt;
}

c10::ScalarType parse_dtype(const std::string& name) {
  if (const auto type = find_dtype(name)) return *type;
  std::string known;
  for (size_t i = 0; i < 15; ++i) known += std::string(i == 0 ? "'" : ", '") + kTypes[i].first + "'";
  fail_argument("unknown dtype '" + name + "'; expected one of " + known);
}

std::optional<c10::Device> find_device(const std::string& name) {
  try {
    return c10::Device(name);
  } catch (const c10::Error&) {
    return std::nullopt;
  }
}

c10::Device parse_device(const std::string& name) { return c10::Device(name); }

std::string device_name(const c10::Device& device) { return device.str(); }

}  // namespace libtorch_node
