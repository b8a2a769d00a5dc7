#pragma once
#include <ATen/core/Tensor.h>
#include <napi.h>

#include "core/env.h"
#include "core/handle.h"

namespace libtorch_node {

/**
 * A Tensor object has, under the symbol that Hooks.handle names, the number of its slot (see tensor_slots.h), and a
 * finalizer that gives the slot back. That costs a third of a wrapped pointer to make. To read a property costs as much
 * as to unwrap, but JavaScript hands the number itself to an operator, which costs next to nothing.
 */
bool is_tensor(napi_env env, napi_value value);
bool is_disposed(napi_env env, napi_value value);

/** Lets go of the tensor; nothing happens when `value` is none, or was disposed of before. */
void dispose_tensor(napi_env env, napi_value value);

/**
 * Attaches `tensor` to `out`, an empty Tensor object made by JavaScript, and reports its memory. The caller sets the
 * object's handle to the number that it returns.
 */
uint32_t attach_tensor(napi_env env, EnvData& data, napi_value out, at::Tensor tensor);

/** The same, and sets the handle. Returns `out`. */
napi_value wrap_tensor(napi_env env, napi_value out, at::Tensor tensor);

/** The TensorImpl of a handle, borrowed from its object. Throws for a tensor that was disposed of. */
c10::TensorImpl* tensor_impl(const EnvData& data, uint32_t handle);

/** Makes the Tensor object, too; for results whose number is not known before. An undefined tensor becomes null. */
napi_value new_tensor(napi_env env, at::Tensor tensor);

/** The TensorImpl of a value, borrowed from its object; null when the value is no tensor. Throws for one disposed of.
 */
c10::TensorImpl* tensor_impl(napi_env env, napi_value value);

/** The tensor of a value; `what` names the argument in the error. */
at::Tensor unwrap_tensor(napi_env env, napi_value value, const char* what = "argument");
inline at::Tensor unwrap_tensor(const Napi::Value& value, const char* what = "argument") {
  return unwrap_tensor(value.Env(), value, what);
}
/** The same, where null and undefined stand for no tensor. */
at::Tensor unwrap_optional_tensor(const Napi::Value& value, const char* what = "argument");

std::vector<at::Tensor> unwrap_tensors(const Napi::Value& array, const char* what = "argument");

inline at::Tensor borrow(c10::TensorImpl* impl) {
  return at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim_copy(impl));
}

}  // namespace libtorch_node
