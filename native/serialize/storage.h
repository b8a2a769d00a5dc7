#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/Storage.h>
#include <napi.h>

namespace libtorch_node {

/** Uninitialised memory of the CPU. */
c10::Storage new_storage(size_t nbytes);

Napi::Value wrap_storage(Napi::Env env, const c10::Storage& storage);
c10::Storage unwrap_storage(const Napi::Value& value);

/** The storage itself, or its copy on the CPU. */
c10::Storage storage_on_cpu(const c10::Storage& storage);

/**
 * A tensor over `storage`: dtype, offset, sizes and strides are the arguments from `at` on, and are checked against
 * the storage.
 */
at::Tensor tensor_over(const Napi::CallbackInfo& info, const c10::Storage& storage, size_t at);

}  // namespace libtorch_node
