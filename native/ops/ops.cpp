// The exports of the operator room: find an operator, describe its overloads, load more of them.
#include <dlfcn.h>

#include "core/convert.h"
#include "core/function.h"
#include "ops/call.h"
#include "ops/schema.h"

namespace libtorch_node {

namespace {

using Info = Napi::CallbackInfo;

Napi::Value list_names(const Info& info) {
  const auto names = operator_names();
  auto array = Napi::Array::New(info.Env(), names.size());
  for (size_t i = 0; i < names.size(); ++i) array.Set(static_cast<uint32_t>(i), names[i]);
  return array;
}

const Operator* requested(const Info& info) {
  const auto name = to_string(info[0], "operator");
  return info[1].IsString() ? find_overload(name, to_string(info[1], "overload")) : find_operator(name);
}

Napi::Value operator_functions(const Info& info) {
  const auto* op = requested(info);
  return op == nullptr ? info.Env().Undefined() : make_operator_functions(info.Env(), *op);
}

Napi::Object describe(Napi::Env env, const c10::FunctionSchema& schema) {
  auto object = Napi::Object::New(env);
  const auto& overload = schema.overload_name();
  object.Set("name", schema.name() + (overload.empty() ? "" : "." + overload));
  object.Set("text", c10::str(schema));
  auto arguments = Napi::Array::New(env);
  for (const auto& argument : schema.arguments()) {
    auto row = Napi::Object::New(env);
    row.Set("name", argument.name());
    row.Set("type", type_text(argument));
    row.Set("keywordOnly", argument.kwarg_only());
    if (argument.default_value()) row.Set("default", c10::str(*argument.default_value()));
    arguments.Set(arguments.Length(), row);
  }
  object.Set("arguments", arguments);
  auto returns = Napi::Array::New(env);
  for (const auto& result : schema.returns()) {
    auto row = Napi::Object::New(env);
    row.Set("name", result.name());
    row.Set("type", type_text(result));
    row.Set("alias", result.alias_info() != nullptr && result.alias_info()->isWrite());
    returns.Set(returns.Length(), row);
  }
  object.Set("returns", returns);
  return object;
}

Napi::Value schemas(const Info& info) {
  auto array = Napi::Array::New(info.Env());
  if (const auto* op = requested(info)) {
    for (const auto& overload : op->overloads)
      array.Set(array.Length(), describe(info.Env(), overload.handle.schema()));
  }
  return array;
}

Napi::Value load_library(const Info& info) {
  const auto path = to_string(info[0], "path");
  if (dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr)
    fail_argument(std::string("cannot load the library: ") + dlerror());
  forget_operator_names();
  return info.Env().Undefined();
}

}  // namespace

void init_ops(Napi::Env, Napi::Object exports) {
  export_function<list_names>(exports, "operatorNames");
  export_function<operator_functions>(exports, "operator");
  export_function<schemas>(exports, "schemas");
  export_function<load_library>(exports, "loadLibrary");
}

}  // namespace libtorch_node
