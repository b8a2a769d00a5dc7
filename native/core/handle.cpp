#include "core/handle.h"

namespace libtorch_node {

namespace {

// Also runs when an environment is torn down. No N-API call here: see handle.h.
void finalize(napi_env, void* data, void*) {
  auto* handle = static_cast<Handle*>(data);
  if (handle->object != nullptr) handle->release(handle->object);
  handle->magic = 0;
  delete handle;
}

}  // namespace

bool try_attach_handle(napi_env env, napi_value object, Handle* handle) {
  return napi_wrap(env, object, handle, finalize, nullptr, nullptr) == napi_ok;
}

void attach_handle(napi_env env, napi_value object, Handle* handle) {
  if (!try_attach_handle(env, object, handle)) {
    finalize(env, handle, nullptr);
    fail_argument("the object for the result already holds a native object");
  }
}

}  // namespace libtorch_node
