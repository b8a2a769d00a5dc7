#include "core/handle.h"

#include "core/memory.h"

namespace libtorch_node {

namespace {

// Also runs when an environment is torn down. No N-API call here: see handle.h.
void finalize(napi_env, void* data, void*) {
  const Collected collected;
  auto* handle = static_cast<Handle*>(data);
  handle->release(handle->object);
  handle->magic = 0;
  delete handle;
}

}  // namespace

void attach_handle(napi_env env, napi_value object, Handle* handle) {
  if (napi_wrap(env, object, handle, finalize, nullptr, nullptr) != napi_ok) {
    finalize(env, handle, nullptr);
    fail_argument("the object for the result already holds a native object");
  }
}

}  // namespace libtorch_node
