#pragma once
#include <ATen/core/Tensor.h>
#include <napi.h>

#include "core/env.h"
#include "core/handle.h"

namespace libtorch_node {

/**
 * A Tensor object wraps the address of its TensorImpl, of which it owns a reference, with kTensorBit set: a header of
 * our own between them would be one more block to allocate, and to fetch from cold memory when the collector frees it.
 * The bit alone stands for a tensor that was disposed of.
 */
bool is_tensor(napi_env env, napi_value value);
bool is_disposed(napi_env env, napi_value value);

/** Lets go of the tensor; nothing happens when `value` is none, or was disposed of before. */
void dispose_tensor(napi_env env, napi_value value);

/** Attaches `tensor` to `out`, an empty Tensor object made by JavaScript, and reports its memory. Returns `out`. */
napi_value wrap_tensor(napi_env env, napi_value out, at::Tensor tensor);

/** The same for a caller that knows its environment's data; makes a Tensor object where `out` is none. */
napi_value wrap_tensor(napi_env env, EnvData& data, napi_value out, at::Tensor tensor);

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
