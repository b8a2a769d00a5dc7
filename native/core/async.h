#pragma once
#include <ATen/ThreadLocalState.h>
#include <napi.h>

#include <functional>
#include <memory>

#include "core/error.h"
#include "core/memory.h"

/**
 * Work off the main thread. `work` runs on a thread of libuv's pool with the grad mode and thread-local state of the
 * caller, and may touch no JavaScript; `finish` runs on the JavaScript thread and makes the value of the promise.
 */
namespace libtorch_node {

Napi::Value run_async(
    Napi::Env env, std::function<void()> work,
    std::function<Napi::Value(Napi::Env)> finish = [](Napi::Env e) { return e.Undefined(); });

}  // namespace libtorch_node
