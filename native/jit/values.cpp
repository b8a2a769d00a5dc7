// Values of JavaScript as values of TorchScript, by the type that the program declares, and back.
// Rules: toIValue and toPyObject of torch/csrc/jit/python/pybind_utils.cpp, PyTorch 2.13.
#include <ATen/core/jit_type.h>

#include <cmath>
#include <utility>
#include <vector>

#include "core/convert.h"
#include "core/dtype.h"
#include "core/error.h"
#include "core/handle.h"
#include "core/tensor.h"
#include "jit/script.h"

namespace libtorch_node::scripts {

namespace {

using c10::IValue;
using c10::TypeKind;
using c10::TypePtr;

[[noreturn]] void mismatch(const std::string& reason) { throw Mismatch{reason}; }

/** 'tuple', 'dict', … of what lib/jit/values.ts wrapped; '' for all else. */
std::string kind_of(const Napi::Value& value) {
  if (!value.IsObject() || value.IsArray() || is_tensor(value.Env(), value)) return "";
  const Napi::Value kind = value.As<Napi::Object>().Get("kind");
  return kind.IsString() ? kind.As<Napi::String>().Utf8Value() : "";
}

Napi::Value part(const Napi::Value& value, const char* name) { return value.As<Napi::Object>().Get(name); }

bool is_nothing(const Napi::Value& value) { return value.IsNull() || value.IsUndefined(); }

bool is_whole(const Napi::Value& value) {
  if (!value.IsNumber()) return false;
  const double number = value.As<Napi::Number>();
  return std::nearbyint(number) == number;
}

[[noreturn]] void wrong(const Napi::Value& value, const TypePtr& type) {
  mismatch("a value of type '" + type->repr_str() + "' cannot be made of " + python_type(value));
}

int64_t to_whole(const Napi::Value& value, const TypePtr& type) {
  if (is_whole(value) || value.IsBigInt()) return to_int(value, "an int");
  // a dtype is an int in a program
  if (value.IsString()) {
    if (const auto dtype = find_dtype(value.As<Napi::String>().Utf8Value())) return static_cast<int64_t>(*dtype);
  }
  wrong(value, type);
}

double to_float(const Napi::Value& value, const TypePtr& type) {
  if (kind_of(value) == "float") return to_double(part(value, "value"), "a float");
  if (value.IsBigInt()) return static_cast<double>(to_int(value, "a float"));
  if (!value.IsNumber()) wrong(value, type);
  return value.As<Napi::Number>();
}

bool is_complex(const Napi::Value& value) { return kind_of(value) == "complex"; }

IValue to_complex(const Napi::Value& value) {
  return c10::complex<double>(to_double(part(value, "re"), "re"), to_double(part(value, "im"), "im"));
}

IValue to_number(const Napi::Value& value, const TypePtr& type) {
  if (value.IsBoolean()) return value.As<Napi::Boolean>().Value();
  if (is_whole(value) || value.IsBigInt()) return to_int(value, "a number");
  if (is_complex(value)) return to_complex(value);
  return to_float(value, type);
}

IValue to_list(const Napi::Value& value, const c10::ListType& type) {
  const auto kind = kind_of(value);
  if (!value.IsArray() && kind != "tuple") mismatch("a list cannot be made of " + python_type(value));
  const auto items = (kind == "tuple" ? part(value, "items") : value).As<Napi::Array>();
  c10::impl::GenericList list(type.getElementType());
  list.reserve(items.Length());
  for (uint32_t i = 0; i < items.Length(); ++i) list.push_back(to_value(items.Get(i), type.getElementType()));
  return list;
}

IValue to_tuple(const Napi::Value& value, const c10::TupleTypePtr& type) {
  const auto kind = kind_of(value);
  std::vector<IValue> elements;
  elements.reserve(type->elements().size());
  if (kind == "dict" && type->schema()) {
    // the fields of a named tuple
    const auto keys = part(value, "keys").As<Napi::Array>();
    const auto values = part(value, "values").As<Napi::Array>();
    for (size_t i = 0; i < type->elements().size(); ++i) {
      const auto& field = type->schema()->arguments()[i].name();
      uint32_t at = 0;
      while (at < keys.Length() && !(keys.Get(at).IsString() && keys.Get(at).As<Napi::String>().Utf8Value() == field)) {
        ++at;
      }
      if (at == keys.Length()) mismatch("the field '" + field + "' of the named tuple is missing");
      elements.push_back(to_value(values.Get(at), type->elements()[i]));
    }
  } else {
    if (!value.IsArray() && kind != "tuple") wrong(value, type);
    const auto items = (kind == "tuple" ? part(value, "items") : value).As<Napi::Array>();
    if (items.Length() != type->elements().size()) {
      mismatch("Object had a different number of elements than type annotation");
    }
    for (uint32_t i = 0; i < items.Length(); ++i) elements.push_back(to_value(items.Get(i), type->elements()[i]));
  }
  return type->schema() ? IValue(c10::ivalue::Tuple::createNamed(std::move(elements), type))
                        : IValue(c10::ivalue::Tuple::create(std::move(elements)));
}

/** JavaScript's objects have keys of text alone. */
IValue to_key(const Napi::Value& value, const TypePtr& type) {
  if (value.IsString() && type->kind() == TypeKind::IntType) {
    const std::string text = value.As<Napi::String>();
    char* end = nullptr;
    const long long number = std::strtoll(text.c_str(), &end, 10);
    if (!text.empty() && *end == '\0') return static_cast<int64_t>(number);
  }
  return to_value(value, type);
}

IValue to_dict(const Napi::Value& value, const c10::DictType& type) {
  if (kind_of(value) != "dict") mismatch("a dict cannot be made of " + python_type(value));
  const auto keys = part(value, "keys").As<Napi::Array>();
  const auto values = part(value, "values").As<Napi::Array>();
  c10::impl::GenericDict dict(type.getKeyType(), type.getValueType());
  for (uint32_t i = 0; i < keys.Length(); ++i) {
    dict.insert_or_assign(to_key(keys.Get(i), type.getKeyType()), to_value(values.Get(i), type.getValueType()));
  }
  return dict;
}

/** The one type of all `items`. */
TypePtr type_of(const std::vector<IValue>& items, const char* what) {
  if (items.empty()) mismatch(std::string("an empty ") + what + " has no type here: the program declares 'Any'");
  auto type = items[0].type();
  for (const auto& item : items) {
    if (*item.type() != *type) mismatch(std::string("the items of a ") + what + " must have one type here");
  }
  return type;
}

/** Where the program says nothing about the type. */
IValue to_any(const Napi::Value& value) {
  if (is_nothing(value)) return {};
  if (is_tensor(value.Env(), value)) return unwrap_tensor(value);
  if (value.IsBoolean() || value.IsNumber() || value.IsBigInt()) return to_number(value, c10::NumberType::get());
  if (value.IsString()) return value.As<Napi::String>().Utf8Value();
  const auto kind = kind_of(value);
  if (kind == "float" || kind == "complex") return to_number(value, c10::NumberType::get());
  if (kind == "module") return script_of(part(value, "handle")).module._ivalue();
  if (kind == "object") return unwrap<Opaque>(part(value, "handle"), "script object")->value;
  const auto all = [](const Napi::Value& array) {
    std::vector<IValue> items;
    for (uint32_t i = 0; i < array.As<Napi::Array>().Length(); ++i) {
      items.push_back(to_any(array.As<Napi::Array>().Get(i)));
    }
    return items;
  };
  if (kind == "tuple") return c10::ivalue::Tuple::create(all(part(value, "items")));
  if (kind == "dict") {
    const auto keys = all(part(value, "keys")), values = all(part(value, "values"));
    c10::impl::GenericDict dict(type_of(keys, "dict"), type_of(values, "dict"));
    for (size_t i = 0; i < keys.size(); ++i) dict.insert_or_assign(keys[i], values[i]);
    return dict;
  }
  if (!value.IsArray()) mismatch("there is no such value in TorchScript: " + kind_name(value));
  const auto items = all(value);
  c10::impl::GenericList list(type_of(items, "list"));
  for (const auto& item : items) list.push_back(item);
  return list;
}

IValue to_object(const Napi::Value& value, const TypePtr& type) {
  const auto kind = kind_of(value);
  if (kind != "module" && kind != "object") wrong(value, type);
  auto object = to_any(value);
  if (!object.type()->isSubtypeOf(*type)) {
    mismatch("Object of type " + object.type()->repr_str() + " is not an instance of " + type->repr_str());
  }
  return object;
}

IValue to_enum(const Napi::Value& value, const c10::EnumTypePtr& type) {
  if (!value.IsString()) mismatch("a member of an enum is given by its name");
  const auto name = value.As<Napi::String>().Utf8Value();
  for (const auto& [known, content] : type->enumNamesValues()) {
    if (known == name) return IValue(c10::make_intrusive<c10::ivalue::EnumHolder>(type, known, content));
  }
  mismatch("the enum '" + type->repr_str() + "' has no member '" + name + "'");
}

IValue to_union(const Napi::Value& value, const c10::UnionType& type) {
  for (const auto& choice : type.containedTypes()) {
    // a whole number is an int where the union has both
    if (choice->kind() == TypeKind::FloatType && is_whole(value) && type.canHoldType(*c10::IntType::get())) continue;
    try {
      return to_value(value, choice);
    } catch (const Mismatch&) {
      // the next one may fit
    }
  }
  mismatch("Expected a member of " + type.repr_str() + " but instead found type " + python_type(value));
}

}  // namespace

std::string python_type(const Napi::Value& value) {
  if (is_nothing(value)) return "NoneType";
  if (value.IsBoolean()) return "bool";
  if (value.IsBigInt() || is_whole(value)) return "int";
  if (value.IsNumber()) return "float";
  if (value.IsString()) return "str";
  if (value.IsArray()) return "list";
  if (is_tensor(value.Env(), value)) return "Tensor";
  const auto kind = kind_of(value);
  if (kind == "module") return "RecursiveScriptModule";
  if (kind == "object") return "ScriptObject";
  return kind.empty() ? kind_name(value) : kind;
}

IValue to_value(const Napi::Value& value, const TypePtr& type) {
  switch (type->kind()) {
    case TypeKind::TensorType:
      if (!is_tensor(value.Env(), value)) wrong(value, type);
      return unwrap_tensor(value);
    case TypeKind::IntType:
      return to_whole(value, type);
    case TypeKind::FloatType:
      return to_float(value, type);
    case TypeKind::ComplexType:
      return is_complex(value) ? to_complex(value) : IValue(c10::complex<double>(to_float(value, type), 0));
    case TypeKind::NumberType:
      return to_number(value, type);
    case TypeKind::BoolType:
      if (!value.IsBoolean()) wrong(value, type);
      return value.As<Napi::Boolean>().Value();
    case TypeKind::StringType:
      if (!value.IsString()) wrong(value, type);
      return value.As<Napi::String>().Utf8Value();
    case TypeKind::DeviceObjType:
      if (!value.IsString()) wrong(value, type);
      return parse_device(value.As<Napi::String>());
    case TypeKind::NoneType:
      if (!is_nothing(value)) wrong(value, type);
      return {};
    case TypeKind::OptionalType:
      if (is_nothing(value)) return {};
      return to_value(value, type->expectRef<c10::OptionalType>().getElementType());
    case TypeKind::UnionType:
      return to_union(value, type->expectRef<c10::UnionType>());
    case TypeKind::ListType:
      return to_list(value, type->expectRef<c10::ListType>());
    case TypeKind::TupleType:
      return to_tuple(value, type->expect<c10::TupleType>());
    case TypeKind::DictType:
      return to_dict(value, type->expectRef<c10::DictType>());
    case TypeKind::AnyType:
      return to_any(value);
    case TypeKind::ClassType:
    case TypeKind::InterfaceType:
      return to_object(value, type);
    case TypeKind::EnumType:
      return to_enum(value, type->expect<c10::EnumType>());
    default:
      mismatch("a value of type '" + type->repr_str() + "' cannot be given from JavaScript");
  }
}

namespace {

Napi::Object wrapped(Napi::Env env, const char* kind) {
  auto object = Napi::Object::New(env);
  object.Set("kind", kind);
  return object;
}

Napi::Value from_tuple(Napi::Env env, const c10::ivalue::Tuple& tuple, const std::shared_ptr<Gate>& gate) {
  auto object = wrapped(env, "tuple");
  auto items = Napi::Array::New(env);
  uint32_t count = 0;
  for (const auto& element : tuple.elements()) items.Set(count++, from_value(env, element, gate));
  object.Set("items", items);
  if (const auto schema = tuple.type<c10::TupleType>()->schema()) {
    auto names = Napi::Array::New(env);
    for (uint32_t i = 0; i < schema->arguments().size(); ++i) names.Set(i, schema->arguments()[i].name());
    object.Set("names", names);
  }
  return object;
}

Napi::Value from_dict(Napi::Env env, const c10::impl::GenericDict& dict, const std::shared_ptr<Gate>& gate) {
  auto object = wrapped(env, "dict");
  auto keys = Napi::Array::New(env), values = Napi::Array::New(env);
  uint32_t count = 0;
  for (const auto& entry : dict) {
    keys.Set(count, from_value(env, entry.key(), gate));
    values.Set(count++, from_value(env, entry.value(), gate));
  }
  object.Set("keys", keys);
  object.Set("values", values);
  object.Set("strings", dict.keyType()->kind() == TypeKind::StringType);
  return object;
}

Napi::Value from_object(Napi::Env env, const IValue& value, const std::shared_ptr<Gate>& gate) {
  if (value.isModule()) {
    auto object = wrapped(env, "module");
    object.Set("handle", script_handle(env, {value.toModule(), gate}));
    return object;
  }
  auto object = wrapped(env, "object");
  object.Set("handle", make_handle(env, std::make_shared<Opaque>(Opaque{value})));
  object.Set("type", value.type()->repr_str());
  return object;
}

}  // namespace

Napi::Value from_value(Napi::Env env, const IValue& value, const std::shared_ptr<Gate>& gate) {
  if (value.isNone()) return env.Null();
  if (value.isTensor()) return {env, new_tensor(env, value.toTensor())};
  if (value.isBool()) return Napi::Boolean::New(env, value.toBool());
  if (value.isInt()) return from_int(env, value.toInt());
  if (value.isDouble()) return Napi::Number::New(env, value.toDouble());
  if (value.isComplexDouble()) return from_scalar(env, value.toComplexDouble());
  if (value.isString()) return Napi::String::New(env, value.toStringRef());
  if (value.isDevice()) return Napi::String::New(env, device_name(value.toDevice()));
  if (value.isEnum()) return Napi::String::New(env, value.toEnumHolder()->name());
  if (value.isTuple()) return from_tuple(env, value.toTupleRef(), gate);
  if (value.isGenericDict()) return from_dict(env, value.toGenericDict(), gate);
  if (value.isObject()) return from_object(env, value, gate);
  if (value.isList()) {
    auto array = Napi::Array::New(env);
    uint32_t count = 0;
    for (const auto& item : value.toListRef()) array.Set(count++, from_value(env, item, gate));
    return array;
  }
  fail_argument("a value of type '" + value.type()->repr_str() + "' cannot be given to JavaScript");
}

}  // namespace libtorch_node::scripts
