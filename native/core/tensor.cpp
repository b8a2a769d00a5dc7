#include "core/tensor.h"

#include "core/env.h"
#include "core/memory.h"

namespace libtorch_node {

void release_tensor(void* impl) {
  count_tensor(-1);
  c10::raw::intrusive_ptr::decref(static_cast<c10::TensorImpl*>(impl));
}

napi_value wrap_tensor(napi_env env, napi_value out, at::Tensor tensor) {
  count_tensor(1);
  attach_handle(env, out, new Handle{.release = &release_tensor, .object = tensor.unsafeReleaseTensorImpl()});
  account(env);
  return out;
}

napi_value wrap_tensor(napi_env env, EnvData& data, napi_value out, at::Tensor tensor) {
  auto* handle = new Handle{.release = &release_tensor, .object = tensor.unsafeGetTensorImpl()};
  if (out == nullptr || !try_attach_handle(env, out, handle)) {
    delete handle;
    return new_tensor(env, std::move(tensor));
  }
  count_tensor(1);
  static_cast<void>(tensor.unsafeReleaseTensorImpl());
  account(env, data);
  return out;
}

napi_value new_tensor(napi_env env, at::Tensor tensor) {
  if (!tensor.defined()) return Napi::Env(env).Null();
  return wrap_tensor(env, EnvData::of(env).tensor_class.New({}), std::move(tensor));
}

c10::TensorImpl* tensor_impl(napi_env env, napi_value value) {
  auto* handle = handle_of(env, value);
  if (handle == nullptr || handle->release != &release_tensor) return nullptr;
  if (handle->object == nullptr) {
    fail("ERR_DISPOSED",
         "this tensor was disposed of (dispose(), `using`, or the end of its scope()); "
         "return it from the scope, or clone it, to keep it");
  }
  return static_cast<c10::TensorImpl*>(handle->object);
}

at::Tensor unwrap_tensor(napi_env env, napi_value value, const char* what) {
  auto* impl = tensor_impl(env, value);
  if (impl == nullptr) fail_argument(std::string("expected a Tensor for ") + what);
  return borrow(impl);
}

at::Tensor unwrap_optional_tensor(const Napi::Value& value, const char* what) {
  return value.IsNull() || value.IsUndefined() ? at::Tensor() : unwrap_tensor(value, what);
}

std::vector<at::Tensor> unwrap_tensors(const Napi::Value& value, const char* what) {
  if (!value.IsArray()) fail_argument(std::string("expected an array of Tensors for ") + what);
  auto array = value.As<Napi::Array>();
  std::vector<at::Tensor> tensors;
  tensors.reserve(array.Length());
  for (uint32_t i = 0; i < array.Length(); ++i) tensors.push_back(unwrap_optional_tensor(array.Get(i), what));
  return tensors;
}

}  // namespace libtorch_node
