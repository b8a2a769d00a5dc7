// Entry of core.node: calls the rooms in order, and nothing else.
#include "core/env.h"
#include "core/error.h"

namespace libtorch_node {

void init_ops(Napi::Env env, Napi::Object exports);
void init_autograd(Napi::Env env, Napi::Object exports);
void init_rng(Napi::Env env, Napi::Object exports);
void init_nn(Napi::Env env, Napi::Object exports);
void init_optim(Napi::Env env, Napi::Object exports);
void init_lr_scheduler(Napi::Env env, Napi::Object exports);
void init_serialize(Napi::Env env, Napi::Object exports);
void init_jit(Napi::Env env, Napi::Object exports);

}  // namespace libtorch_node

namespace ltn = libtorch_node;

extern "C" NAPI_MODULE_EXPORT int32_t node_api_module_get_api_version_v1(void) {
#ifdef LTN_BASIC_FINALIZERS
  // "Experimental": the collector runs finalizers itself, instead of queueing them for an event loop that a synchronous
  // training loop never reaches. Every finalizer of this addon must be basic, that is, make no Node-API call.
  return 2147483647;
#else
  return NAPI_VERSION;
#endif
}

extern "C" NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  return ltn::guard(env, [&]() -> napi_value {
    Napi::Object target(env, exports);
    ltn::init_core(env, target);
    ltn::init_ops(env, target);
    ltn::init_autograd(env, target);
    ltn::init_rng(env, target);
    ltn::init_nn(env, target);
    ltn::init_optim(env, target);
    ltn::init_lr_scheduler(env, target);
    ltn::init_serialize(env, target);
    ltn::init_jit(env, target);
    return exports;
  });
}
