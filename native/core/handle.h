#pragma once
#include <c10/util/StringUtil.h>
#include <napi.h>

#include <memory>
#include <utility>

#include "core/error.h"

/**
 * Native objects held by JavaScript objects. Behind the wrapped pointer stands a Handle, whose kind is the address of
 * the function that releases it: one per C++ type. So a wrong receiver or argument is found by comparing one pointer
 * (an N-API type tag costs 50 ns a check and 130 ns an object). Tensors, which come by the million, have no Handle: see
 * tensor.h.
 *
 * Finalizers must be basic: they run inside the garbage collector and may touch no JavaScript, only drop a reference.
 * Otherwise N-API defers them to the event loop, which a synchronous training loop never reaches.
 */
namespace libtorch_node {

struct Handle {
  static constexpr uint64_t kMagic = 0x6c7462746f726368;  // "ltbtorch": a first look that this is ours at all
  uint64_t magic = kMagic;
  void (*release)(void* object);
  void* object;
};

/** The handle wrapped in a value; null when it is no object of ours. */
inline Handle* handle_of(napi_env env, napi_value value) {
  void* pointer = nullptr;
  if (value == nullptr || napi_unwrap(env, value, &pointer) != napi_ok || pointer == nullptr) return nullptr;
  auto* handle = static_cast<Handle*>(pointer);
  return handle->magic == Handle::kMagic ? handle : nullptr;
}

/** Wraps `handle` into `object`, which must be a fresh JavaScript object. */
void attach_handle(napi_env env, napi_value object, Handle* handle);

template <class T>
void release_shared(void* object) {
  delete static_cast<std::shared_ptr<T>*>(object);
}

/** A new opaque JavaScript object that owns a share of `object`. */
template <class T>
Napi::Value make_handle(Napi::Env env, std::shared_ptr<T> object) {
  auto value = Napi::Object::New(env);
  auto* handle = new Handle{.release = &release_shared<T>, .object = new std::shared_ptr<T>(std::move(object))};
  attach_handle(env, value, handle);
  return value;
}

/** The object that make_handle() wrapped; `what` names it in the error. */
template <class T>
std::shared_ptr<T>& unwrap(Napi::Value value, const char* what) {
  auto* handle = value.IsObject() ? handle_of(value.Env(), value) : nullptr;
  if (handle == nullptr || handle->release != &release_shared<T>) {
    fail_argument(c10::str("expected a ", what, " made by this package"));
  }
  return *static_cast<std::shared_ptr<T>*>(handle->object);
}

}  // namespace libtorch_node
