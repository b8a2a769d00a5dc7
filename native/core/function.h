#pragma once
#include <napi.h>

#include "core/error.h"

namespace libtorch_node {

using Body = Napi::Value (*)(const Napi::CallbackInfo& info);

/** Exports a function whose C++ exceptions become JavaScript's: every export goes through here or through guard(). */
template <Body body>
void export_function(Napi::Object exports, const char* name) {
  const auto callback = [](napi_env env, napi_callback_info raw) -> napi_value {
    return guard(env, [&]() -> napi_value { return body(Napi::CallbackInfo(env, raw)); });
  };
  napi_value function = nullptr;
  napi_create_function(exports.Env(), name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  exports.Set(name, Napi::Value(exports.Env(), function));
}

}  // namespace libtorch_node
