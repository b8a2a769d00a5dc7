#include "ops/arguments.h"

#include <ATen/ScalarOps.h>
#include <ATen/core/Generator.h>

#include <cmath>

#include "core/convert.h"
#include "core/dtype.h"
#include "core/tensor.h"

namespace libtorch_node {

namespace {

constexpr double kMaxSafe = 9007199254740991.0;

bool is_generator(const Handle* handle) { return handle->release == &release_shared<at::Generator>; }

Kind number_kind(double number) {
  // -0 keeps its sign only as a float.
  const bool whole =
      std::nearbyint(number) == number && std::abs(number) <= kMaxSafe && !(number == 0 && std::signbit(number));
  return whole ? Kind::Int : Kind::Float;
}

Kind element_kind(napi_env env, napi_value element) {
  napi_valuetype type;
  napi_typeof(env, element, &type);
  switch (type) {
    case napi_number: {
      double number = 0;
      napi_get_value_double(env, element, &number);
      return number_kind(number) == Kind::Int ? Kind::Ints : Kind::Numbers;
    }
    case napi_bigint:
      return Kind::Ints;
    case napi_boolean:
      return Kind::Bools;
    case napi_string:
      return Kind::Strings;
    case napi_null:
    case napi_undefined:
      return Kind::OptionalTensors;
    case napi_object:
      return tensor_impl(env, element) != nullptr ? Kind::Tensors : Kind::Other;
    default:
      return Kind::Other;
  }
}

Kind join(Kind a, Kind b) {
  const auto numeric = [](Kind k) { return k == Kind::Ints || k == Kind::Numbers || k == Kind::Bools; };
  const auto tensor = [](Kind k) { return k == Kind::Tensors || k == Kind::OptionalTensors; };
  if (a == b || a == Kind::Empty) return b;
  if (numeric(a) && numeric(b)) return Kind::Numbers;
  return tensor(a) && tensor(b) ? Kind::OptionalTensors : Kind::Other;
}

Kind array_kind(napi_env env, napi_value array) {
  uint32_t length = 0;
  napi_get_array_length(env, array, &length);
  Kind kind = Kind::Empty;
  for (uint32_t i = 0; i < length && kind != Kind::Other; ++i) {
    napi_value element;
    napi_get_element(env, array, i, &element);
    kind = join(kind, element_kind(env, element));
  }
  return kind;
}

Kind object_kind(napi_env env, Arg& arg) {
  bool yes = false;
  // first, as no lookup of a property is needed for it
  if (napi_is_array(env, arg.value, &yes) == napi_ok && yes) return array_kind(env, arg.value);
  arg.tensor = tensor_impl(env, arg.value);
  if (arg.tensor != nullptr) return Kind::Tensor;
  if (auto* handle = handle_of(env, arg.value)) return is_generator(handle) ? Kind::Generator : Kind::Other;
  if (napi_is_typedarray(env, arg.value, &yes) == napi_ok && yes) {
    napi_typedarray_type type;
    size_t length = 0;
    napi_get_typedarray_info(env, arg.value, &type, &length, nullptr, nullptr, nullptr);
    if (length == 0) return Kind::Empty;
    return type == napi_float32_array || type == napi_float64_array ? Kind::Numbers : Kind::Ints;
  }
  if (napi_has_named_property(env, arg.value, "re", &yes) == napi_ok && yes) return Kind::Complex;
  return Kind::Other;
}

// Elements of an array or typed array, one by one as JavaScript values.
template <class Each>
void for_each(napi_env env, napi_value array, Each each) {
  Napi::Object object(env, array);
  uint32_t length = 0;
  if (object.IsTypedArray()) {
    length = static_cast<uint32_t>(object.As<Napi::TypedArray>().ElementLength());
  } else {
    napi_get_array_length(env, array, &length);
  }
  for (uint32_t i = 0; i < length; ++i) each(object.Get(i));
}

at::Scalar scalar_of(const Napi::Value& value) {
  if (value.IsBoolean()) return value.As<Napi::Boolean>().Value();
  if (value.IsBigInt()) return to_int(value, "element");
  const double number = to_double(value, "element");
  if (number_kind(number) == Kind::Int) return static_cast<int64_t>(number);
  return number;
}

std::optional<at::Scalar> scalar_of(napi_env env, const Arg& arg, bool lenient) {
  switch (arg.kind) {
    case Kind::Int:
      return static_cast<int64_t>(arg.number);
    case Kind::Float:
      return arg.number;
    case Kind::Bool:
      return arg.number != 0;
    case Kind::BigInt:
      return to_int(Napi::Value(env, arg.value), "argument");
    case Kind::Complex: {
      Napi::Object object(env, arg.value);
      return c10::complex<double>(to_double(object.Get("re"), "re"), to_double(object.Get("im"), "im"));
    }
    case Kind::Tensor:
      if (lenient && arg.tensor->dim() == 0 && !arg.tensor->requires_grad()) return borrow(arg.tensor).item();
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<int64_t> int_of(napi_env env, const Arg& arg, bool lenient) {
  if (arg.kind == Kind::Int) return static_cast<int64_t>(arg.number);
  if (arg.kind == Kind::BigInt) return to_int(Napi::Value(env, arg.value), "argument");
  if (lenient && arg.kind == Kind::Tensor && arg.tensor->dim() == 0) {
    const auto scalar = borrow(arg.tensor).item();
    if (scalar.isIntegral(false)) return scalar.toLong();
  }
  return std::nullopt;
}

std::optional<std::string> text_of(napi_env env, const Arg& arg) {
  if (arg.kind != Kind::String) return std::nullopt;
  return Napi::String(env, arg.value).Utf8Value();
}

std::optional<int64_t> layout_of(const std::string& name) {
  if (name == "strided") return static_cast<int64_t>(at::kStrided);
  if (name == "sparse_coo") return static_cast<int64_t>(at::kSparse);
  if (name == "sparse_csr") return static_cast<int64_t>(at::kSparseCsr);
  if (name == "sparse_csc") return static_cast<int64_t>(at::kSparseCsc);
  if (name == "sparse_bsr") return static_cast<int64_t>(at::kSparseBsr);
  if (name == "sparse_bsc") return static_cast<int64_t>(at::kSparseBsc);
  if (name == "jagged") return static_cast<int64_t>(at::kJagged);
  return std::nullopt;
}

std::optional<int64_t> memory_format_of(const std::string& name) {
  if (name == "contiguous_format") return static_cast<int64_t>(at::MemoryFormat::Contiguous);
  if (name == "preserve_format") return static_cast<int64_t>(at::MemoryFormat::Preserve);
  if (name == "channels_last") return static_cast<int64_t>(at::MemoryFormat::ChannelsLast);
  if (name == "channels_last_3d") return static_cast<int64_t>(at::MemoryFormat::ChannelsLast3d);
  return std::nullopt;
}

bool convert_list(napi_env env, const ArgSpec& spec, const Arg& arg, c10::IValue& out) {
  switch (spec.type) {
    case ArgType::TensorList: {
      if (arg.kind != Kind::Tensors && arg.kind != Kind::Empty) return false;
      c10::List<at::Tensor> list;
      for_each(env, arg.value, [&](const Napi::Value& v) { list.push_back(unwrap_tensor(v)); });
      out = std::move(list);
      return true;
    }
    case ArgType::OptionalTensorList: {
      if (arg.kind != Kind::Tensors && arg.kind != Kind::OptionalTensors && arg.kind != Kind::Empty) return false;
      c10::List<std::optional<at::Tensor>> list;
      for_each(env, arg.value, [&](const Napi::Value& v) {
        const bool none = v.IsNull() || v.IsUndefined();
        list.push_back(none ? std::nullopt : std::optional<at::Tensor>(unwrap_tensor(v)));
      });
      out = std::move(list);
      return true;
    }
    case ArgType::IntList: {
      c10::List<int64_t> list;
      if (arg.kind == Kind::Int && spec.list_size > 0) {
        for (int32_t i = 0; i < spec.list_size; ++i) list.push_back(static_cast<int64_t>(arg.number));
      } else if (arg.kind == Kind::Ints || arg.kind == Kind::Empty) {
        for_each(env, arg.value, [&](const Napi::Value& v) { list.push_back(to_int(v, spec.name.c_str())); });
      } else {
        return false;
      }
      out = std::move(list);
      return true;
    }
    case ArgType::FloatList: {
      if (arg.kind != Kind::Ints && arg.kind != Kind::Numbers && arg.kind != Kind::Empty) return false;
      c10::List<double> list;
      for_each(env, arg.value, [&](const Napi::Value& v) { list.push_back(to_double(v, spec.name.c_str())); });
      out = std::move(list);
      return true;
    }
    case ArgType::BoolList: {
      if (arg.kind != Kind::Bools && arg.kind != Kind::Empty) return false;
      c10::List<bool> list;
      for_each(env, arg.value, [&](const Napi::Value& v) { list.push_back(to_bool(v, spec.name.c_str())); });
      out = std::move(list);
      return true;
    }
    case ArgType::ScalarList: {
      if (arg.kind != Kind::Ints && arg.kind != Kind::Numbers && arg.kind != Kind::Bools && arg.kind != Kind::Empty)
        return false;
      c10::impl::GenericList list(c10::NumberType::get());
      for_each(env, arg.value, [&](const Napi::Value& v) { list.push_back(scalar_of(v)); });
      out = std::move(list);
      return true;
    }
    case ArgType::StrList: {
      if (arg.kind != Kind::Strings && arg.kind != Kind::Empty) return false;
      c10::List<std::string> list;
      for_each(env, arg.value, [&](const Napi::Value& v) { list.push_back(to_string(v, spec.name.c_str())); });
      out = std::move(list);
      return true;
    }
    default:
      return false;
  }
}

template <class T>
bool put(std::optional<T> value, c10::IValue& out) {
  if (!value) return false;
  out = c10::IValue(*std::move(value));
  return true;
}

}  // namespace

Arg look_at_handle(napi_env env, const EnvData& data, napi_value handle) {
  Arg arg;
  uint32_t number = UINT32_MAX;
  napi_get_value_uint32(env, handle, &number);
  arg.kind = Kind::Tensor;
  arg.tensor = tensor_impl(data, number);
  return arg;
}

Arg look_at(napi_env env, napi_value value) {
  Arg arg;
  arg.value = value;
  napi_valuetype type;
  napi_typeof(env, value, &type);
  switch (type) {
    case napi_undefined:
      arg.kind = Kind::Undefined;
      break;
    case napi_null:
      arg.kind = Kind::Null;
      break;
    case napi_boolean: {
      bool flag = false;
      napi_get_value_bool(env, value, &flag);
      arg.kind = Kind::Bool;
      arg.number = flag ? 1 : 0;
      break;
    }
    case napi_number:
      napi_get_value_double(env, value, &arg.number);
      arg.kind = number_kind(arg.number);
      break;
    case napi_bigint:
      arg.kind = Kind::BigInt;
      break;
    case napi_string:
      arg.kind = Kind::String;
      break;
    case napi_object:
      arg.kind = object_kind(env, arg);
      break;
    default:
      arg.kind = Kind::Other;
  }
  return arg;
}

bool convert(napi_env env, const ArgSpec& spec, const Arg& arg, bool lenient, bool numbers_as_tensors,
             c10::IValue& out) {
  if (arg.kind == Kind::Missing || arg.kind == Kind::Undefined) {
    if (spec.fallback) {
      out = *spec.fallback;
      return true;
    }
    out = c10::IValue();
    return arg.kind == Kind::Undefined && spec.optional;
  }
  if (arg.kind == Kind::Null) {
    out = c10::IValue();
    return spec.optional;
  }
  switch (spec.type) {
    case ArgType::Tensor:
      if (arg.kind == Kind::Tensor) {
        out = borrow(arg.tensor);
        return true;
      }
      if (numbers_as_tensors && arg.kind != Kind::Other) {
        const auto scalar = scalar_of(env, arg, false);
        if (!scalar) return false;
        auto tensor = at::scalar_to_tensor(*scalar);
        tensor.unsafeGetTensorImpl()->set_wrapped_number(true);
        out = std::move(tensor);
        return true;
      }
      return false;
    case ArgType::Scalar:
      return put(scalar_of(env, arg, lenient), out);
    case ArgType::Int:
      return put(int_of(env, arg, lenient), out);
    case ArgType::Float: {
      const auto scalar = arg.kind == Kind::Bool ? std::nullopt : scalar_of(env, arg, lenient);
      if (!scalar || scalar->isComplex()) return false;
      out = scalar->toDouble();
      return true;
    }
    case ArgType::Bool:
      if (arg.kind != Kind::Bool) return false;
      out = arg.number != 0;
      return true;
    case ArgType::Str:
      return put(text_of(env, arg), out);
    case ArgType::Dtype: {
      const auto text = text_of(env, arg);
      const auto type = text ? find_dtype(*text) : std::nullopt;
      if (!type) return false;
      out = static_cast<int64_t>(*type);
      return true;
    }
    case ArgType::Device: {
      const auto text = text_of(env, arg);
      return text && put(find_device(*text), out);
    }
    case ArgType::Layout: {
      const auto text = text_of(env, arg);
      return text && put(layout_of(*text), out);
    }
    case ArgType::MemoryFormat: {
      const auto text = text_of(env, arg);
      return text && put(memory_format_of(*text), out);
    }
    case ArgType::Generator:
      if (arg.kind != Kind::Generator) return false;
      out = *unwrap<at::Generator>(Napi::Value(env, arg.value), "Generator");
      return true;
    default:
      return convert_list(env, spec, arg, out);
  }
}

std::string describe(napi_env env, const Arg& arg) {
  switch (arg.kind) {
    case Kind::Tensor: {
      const auto t = borrow(arg.tensor);
      return std::string("a Tensor of ") + dtype_name(t.scalar_type()) +
             (t.is_nested() ? "" : " " + c10::str(t.sizes()));
    }
    case Kind::Ints:
      return "an array of integers";
    case Kind::Numbers:
      return "an array of numbers";
    case Kind::Bools:
      return "an array of booleans";
    case Kind::Strings:
      return "an array of strings";
    case Kind::Tensors:
      return "an array of Tensors";
    case Kind::Empty:
      return "an empty array";
    default:
      return kind_name(Napi::Value(env, arg.value));
  }
}

}  // namespace libtorch_node
