#include "core/tensor.h"

#include "core/env.h"
#include "core/memory.h"

namespace libtorch_node {

namespace {

void* tagged(c10::TensorImpl* impl) { return reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(impl) | kTensorBit); }
c10::TensorImpl* untagged(void* pointer) {
  return reinterpret_cast<c10::TensorImpl*>(reinterpret_cast<uintptr_t>(pointer) & ~kTensorBit);
}

// Also runs when an environment is torn down. No N-API call here: see handle.h.
void finalize(napi_env, void* pointer, void*) {
  auto* impl = untagged(pointer);
  if (impl == nullptr) return;
  count_tensor(-1);
  c10::raw::intrusive_ptr::decref(impl);
}

// The tagged pointer of a tensor; null for everything else.
void* pointer_of(napi_env env, napi_value value) {
  void* pointer = nullptr;
  if (value == nullptr || napi_unwrap(env, value, &pointer) != napi_ok) return nullptr;
  return (reinterpret_cast<uintptr_t>(pointer) & kTensorBit) != 0 ? pointer : nullptr;
}

}  // namespace

bool is_tensor(napi_env env, napi_value value) { return pointer_of(env, value) != nullptr; }

bool is_disposed(napi_env env, napi_value value) {
  auto* pointer = pointer_of(env, value);
  return pointer != nullptr && untagged(pointer) == nullptr;
}

void dispose_tensor(napi_env env, napi_value value) {
  auto* pointer = pointer_of(env, value);
  if (pointer == nullptr || untagged(pointer) == nullptr) return;
  napi_remove_wrap(env, value, &pointer);
  napi_wrap(env, value, tagged(nullptr), finalize, nullptr, nullptr);
  finalize(env, pointer, nullptr);
}

napi_value wrap_tensor(napi_env env, napi_value out, at::Tensor tensor) {
  if (napi_wrap(env, out, tagged(tensor.unsafeGetTensorImpl()), finalize, nullptr, nullptr) != napi_ok) {
    fail_argument("the object for the result must be an empty Tensor");
  }
  count_tensor(1);
  static_cast<void>(tensor.unsafeReleaseTensorImpl());
  account(env);
  return out;
}

napi_value wrap_tensor(napi_env env, EnvData& data, napi_value out, at::Tensor tensor) {
  if (out == nullptr ||
      napi_wrap(env, out, tagged(tensor.unsafeGetTensorImpl()), finalize, nullptr, nullptr) != napi_ok) {
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
  auto* pointer = pointer_of(env, value);
  if (pointer == nullptr) return nullptr;
  auto* impl = untagged(pointer);
  if (impl == nullptr) {
    fail("ERR_DISPOSED",
         "this tensor was disposed of (dispose(), `using`, or the end of its scope()); "
         "return it from the scope, or clone it, to keep it");
  }
  return impl;
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
