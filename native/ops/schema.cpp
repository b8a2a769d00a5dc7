#include "ops/schema.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <unordered_set>

namespace libtorch_node {

namespace {

std::mutex g_mutex;
// Both only grow while the process lives: functions in JavaScript point at the operators.
std::map<std::string, std::vector<std::string>> g_names;
std::map<std::pair<std::string, std::string>, std::unique_ptr<Operator>> g_operators;

constexpr const char* kAll = "*";

const std::map<std::string, std::vector<std::string>>& names() {
  if (g_names.empty()) {
    for (auto& full : c10::Dispatcher::singleton().getAllOpNames()) g_names[full.name].push_back(full.overload_name);
    for (auto& entry : g_names) std::sort(entry.second.begin(), entry.second.end());
  }
  return g_names;
}

std::optional<ArgType> list_type(const c10::Type& element) {
  switch (element.kind()) {
    case c10::TypeKind::TensorType:
      return ArgType::TensorList;
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType:
      return ArgType::IntList;
    case c10::TypeKind::FloatType:
      return ArgType::FloatList;
    case c10::TypeKind::BoolType:
      return ArgType::BoolList;
    case c10::TypeKind::NumberType:
      return ArgType::ScalarList;
    case c10::TypeKind::StringType:
      return ArgType::StrList;
    case c10::TypeKind::OptionalType:
      if (element.cast<c10::OptionalType>()->getElementType()->kind() == c10::TypeKind::TensorType) {
        return ArgType::OptionalTensorList;
      }
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

// nullopt for what no JavaScript value can stand for (named dimensions, streams, storages, dictionaries).
std::optional<ArgType> plain_type(const c10::Type& type) {
  switch (type.kind()) {
    case c10::TypeKind::TensorType:
      return ArgType::Tensor;
    case c10::TypeKind::NumberType:
      return ArgType::Scalar;
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType:
      return ArgType::Int;
    case c10::TypeKind::FloatType:
    case c10::TypeKind::SymFloatType:
      return ArgType::Float;
    case c10::TypeKind::BoolType:
    case c10::TypeKind::SymBoolType:
      return ArgType::Bool;
    case c10::TypeKind::StringType:
      return ArgType::Str;
    case c10::TypeKind::ScalarTypeType:
      return ArgType::Dtype;
    case c10::TypeKind::LayoutType:
      return ArgType::Layout;
    case c10::TypeKind::MemoryFormatType:
      return ArgType::MemoryFormat;
    case c10::TypeKind::DeviceObjType:
      return ArgType::Device;
    case c10::TypeKind::GeneratorType:
      return ArgType::Generator;
    case c10::TypeKind::ListType:
      return list_type(*type.cast<c10::ListType>()->getElementType());
    default:
      return std::nullopt;
  }
}

bool is_dimname(const c10::Type& type) {
  // The dispatcher sees named dimensions as strings; only the schema's own text tells.
  return type.annotation_str().find("Dimname") != std::string::npos;
}

std::optional<ArgSpec> make_spec(const c10::Argument& argument) {
  auto type = argument.real_type();
  const bool optional = type->kind() == c10::TypeKind::OptionalType;
  if (optional) type = type->cast<c10::OptionalType>()->getElementType();
  if (is_dimname(*type)) return std::nullopt;
  const auto kind = plain_type(*type);
  if (!kind) return std::nullopt;
  return ArgSpec{argument.name(),
                 *kind,
                 optional,
                 argument.kwarg_only(),
                 argument.N().value_or(0),
                 argument.default_value(),
                 argument.alias_info() != nullptr && argument.alias_info()->isWrite()};
}

bool is_out_variant(const c10::FunctionSchema& schema) {
  return std::any_of(schema.arguments().begin(), schema.arguments().end(), [](const c10::Argument& a) {
    return a.kwarg_only() && a.alias_info() != nullptr && a.alias_info()->isWrite();
  });
}

std::optional<Overload> make_overload(const std::string& name, const std::string& overload_name) {
  auto handle = c10::Dispatcher::singleton().findSchema({name, overload_name});
  if (!handle) return std::nullopt;
  const auto& schema = handle->schema();
  Overload overload{*handle, {}, 0, false, find_typed_call(*handle)};
  for (const auto& argument : schema.arguments()) {
    auto spec = make_spec(argument);
    if (!spec) return std::nullopt;
    if (!spec->keyword_only) ++overload.positional;
    overload.args.push_back(std::move(*spec));
  }
  const size_t self = !overload.args.empty() && overload.args[0].name == "self" ? 1 : 0;
  // `sum(int[1] dim)` is not variadic in Python either: only lists of any length are.
  overload.variadic = overload.positional == self + 1 && overload.args[self].type == ArgType::IntList &&
                      overload.args[self].list_size == 0;
  return overload;
}

// Tensor before Scalar and int before a list of them, as Python's argument parser; else the shorter, then by name, so
// that the order is one.
int rank(ArgType type) {
  switch (type) {
    case ArgType::Tensor:
      return 0;
    case ArgType::Scalar:
      return 3;
    case ArgType::IntList:
      return 2;
    default:
      return 1;
  }
}

bool before(const Overload& a, const Overload& b) {
  for (size_t i = 0; i < std::min(a.args.size(), b.args.size()); ++i) {
    if (rank(a.args[i].type) != rank(b.args[i].type)) return rank(a.args[i].type) < rank(b.args[i].type);
  }
  if (a.positional != b.positional) return a.positional < b.positional;
  return a.handle.operator_name().overload_name < b.handle.operator_name().overload_name;
}

bool returns_one_tensor(const Overload& overload) {
  const auto& returns = overload.handle.schema().returns();
  return returns.size() == 1 && returns[0].type()->kind() == c10::TypeKind::TensorType;
}

// The names of Python's parser (should_allow_numbers_as_tensors in torch/csrc/utils/python_arg_parser.cpp, 2.13).
bool takes_numbers_as_tensors(const std::string& name) {
  static const std::unordered_set<std::string> names{
      "aten::add",  "aten::sub",      "aten::mul",      "aten::div",         "aten::divide",
      "aten::copy", "aten::subtract", "aten::multiply", "aten::true_divide", "aten::floor_divide"};
  const bool in_place = !name.empty() && name.back() == '_';
  return names.count(in_place ? name.substr(0, name.size() - 1) : name) > 0;
}

const Operator* remember(const std::string& name, const std::string& key, std::vector<Overload> overloads) {
  if (overloads.empty()) return nullptr;
  std::stable_sort(overloads.begin(), overloads.end(), before);
  const bool tensor = std::all_of(overloads.begin(), overloads.end(), returns_one_tensor);
  auto& slot = g_operators[{name, key}];
  slot = std::make_unique<Operator>(Operator{name, std::move(overloads), tensor, takes_numbers_as_tensors(name)});
  return slot.get();
}

}  // namespace

const Operator* find_operator(const std::string& name) {
  std::lock_guard lock(g_mutex);
  if (auto found = g_operators.find({name, kAll}); found != g_operators.end()) return found->second.get();
  auto entry = names().find(name);
  if (entry == names().end()) return nullptr;
  std::vector<Overload> overloads;
  for (const auto& overload_name : entry->second) {
    auto overload = make_overload(name, overload_name);
    if (overload && !is_out_variant(overload->handle.schema())) overloads.push_back(std::move(*overload));
  }
  return remember(name, kAll, std::move(overloads));
}

const Operator* find_overload(const std::string& name, const std::string& overload_name) {
  std::lock_guard lock(g_mutex);
  if (auto found = g_operators.find({name, overload_name}); found != g_operators.end()) return found->second.get();
  std::vector<Overload> overloads;
  if (auto overload = make_overload(name, overload_name)) overloads.push_back(std::move(*overload));
  return remember(name, overload_name, std::move(overloads));
}

std::vector<std::string> operator_names() {
  std::lock_guard lock(g_mutex);
  std::vector<std::string> list;
  for (const auto& entry : names()) list.push_back(entry.first);
  return list;
}

void forget_operator_names() {
  std::lock_guard lock(g_mutex);
  g_names.clear();
}

std::string type_text(const c10::Argument& argument) {
  auto type = argument.real_type();
  std::string suffix;
  if (type->kind() == c10::TypeKind::OptionalType) {
    type = type->cast<c10::OptionalType>()->getElementType();
    suffix = "?";
  }
  const auto size = argument.N() ? std::to_string(*argument.N()) : "";
  switch (type->kind()) {
    case c10::TypeKind::ListType: {
      auto element = type->cast<c10::ListType>()->getElementType();
      const bool optional = element->kind() == c10::TypeKind::OptionalType;
      if (optional) element = element->cast<c10::OptionalType>()->getElementType();
      return element->str() + (optional ? "?" : "") + "[" + size + "]" + suffix;
    }
    case c10::TypeKind::ScalarTypeType:
      return "ScalarType" + suffix;
    case c10::TypeKind::LayoutType:
      return "Layout" + suffix;
    case c10::TypeKind::MemoryFormatType:
      return "MemoryFormat" + suffix;
    default:
      return type->str() + suffix;
  }
}

}  // namespace libtorch_node
