#include "core/tensor.h"

#include <utility>

#include "core/env.h"
#include "core/memory.h"
#include "core/tensor_slots.h"

namespace libtorch_node {

namespace {

constexpr uint32_t kNone = UINT32_MAX;

void let_go(c10::TensorImpl* impl) {
  if (impl == nullptr) return;
  count_tensor(-1);
  c10::raw::intrusive_ptr::decref(impl);
}

// Also runs when an environment is torn down. No N-API call here: see handle.h.
void finalize(napi_env, void* slot, void* slots) {
  const Collected collected;
  let_go(static_cast<TensorSlots*>(slots)->give(static_cast<uint32_t>(reinterpret_cast<uintptr_t>(slot))));
}

// The slot of a Tensor object; kNone for everything else.
uint32_t slot_of(napi_env env, const EnvData& data, napi_value value) {
  napi_valuetype type;
  if (value == nullptr || napi_typeof(env, value, &type) != napi_ok || type != napi_object) return kNone;
  napi_value handle = nullptr;
  if (napi_get_property(env, value, data.handle_key.Value(), &handle) != napi_ok) {
    // a proxy that throws
    throw Napi::Error::New(env);
  }
  uint32_t slot = kNone;
  return napi_get_value_uint32(env, handle, &slot) == napi_ok && data.slots->taken(slot) ? slot : kNone;
}

}  // namespace

bool is_tensor(napi_env env, napi_value value) { return slot_of(env, EnvData::of(env), value) != kNone; }

bool is_disposed(napi_env env, napi_value value) {
  const auto& data = EnvData::of(env);
  const auto slot = slot_of(env, data, value);
  return slot != kNone && data.slots->at(slot) == nullptr;
}

void dispose_tensor(napi_env env, napi_value value) {
  const auto& data = EnvData::of(env);
  if (const auto slot = slot_of(env, data, value); slot != kNone) let_go(data.slots->empty(slot));
}

uint32_t attach_tensor(napi_env env, EnvData& data, napi_value out, at::Tensor tensor) {
  if (!tensor.is_cpu()) watch_accelerator();
  const auto slot = data.slots->take(tensor.unsafeReleaseTensorImpl());
  count_tensor(1);
  auto* pointer = reinterpret_cast<void*>(static_cast<uintptr_t>(slot));
  if (napi_add_finalizer(env, out, pointer, finalize, data.slots, nullptr) != napi_ok) {
    finalize(env, pointer, data.slots);
    fail_argument("the object for the result must be an empty Tensor");
  }
  account(env, data);
  return slot;
}

napi_value wrap_tensor(napi_env env, napi_value out, at::Tensor tensor) {
  auto& data = EnvData::of(env);
  if (slot_of(env, data, out) != kNone) fail_argument("the object for the result must be an empty Tensor");
  napi_value handle = nullptr;
  napi_create_uint32(env, attach_tensor(env, data, out, std::move(tensor)), &handle);
  if (napi_set_property(env, out, data.handle_key.Value(), handle) != napi_ok) throw Napi::Error::New(env);
  return out;
}

napi_value new_tensor(napi_env env, at::Tensor tensor) {
  if (!tensor.defined()) return Napi::Env(env).Null();
  return wrap_tensor(env, EnvData::of(env).tensor_class.New({}), std::move(tensor));
}

c10::TensorImpl* tensor_impl(const EnvData& data, uint32_t handle) {
  if (!data.slots->taken(handle)) fail_argument("no tensor has this handle");
  auto* impl = data.slots->at(handle);
  if (impl == nullptr) {
    fail("ERR_DISPOSED",
         "this tensor was disposed of (dispose(), `using`, or the end of its scope()); "
         "return it from the scope, or clone it, to keep it");
  }
  return impl;
}

c10::TensorImpl* tensor_impl(napi_env env, napi_value value) {
  const auto& data = EnvData::of(env);
  const auto slot = slot_of(env, data, value);
  return slot == kNone ? nullptr : tensor_impl(data, slot);
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
