#pragma once
#include <napi.h>

#include <cstdint>
#include <memory>
#include <mutex>

namespace libtorch_node {

class TensorSlots;

/** Whether an environment still takes calls from other threads and from finalizers; closed when it begins to end. */
struct Gate {
  std::mutex mutex;
  bool open = true;
};

/** What V8 knows of the bytes behind the wrappers, see memory.h. */
struct Accounting {
  int64_t reported = 0;
  /** the most that there was since the last collection */
  int64_t peak = 0;
  /** the least that there was since the last look at young objects */
  int64_t level = 0;
  /** the growth after which to look again */
  int64_t patience = 0;
};

/**
 * What one environment (the main thread, or a worker) keeps. Nothing that points into JavaScript may live in a static
 * variable: workers load the same library, and a reference made in one environment is a crash in another.
 */
struct EnvData {
  Napi::FunctionReference tensor_class;
  /** the symbol under which a Tensor object has its external value */
  Napi::Reference<Napi::Symbol> handle_key;
  Napi::FunctionReference create_error;
  Napi::FunctionReference collect_garbage;
  Accounting accounting;
  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  TensorSlots* const slots;

  EnvData();
  ~EnvData();

  static EnvData& of(napi_env env) {
    void* data = nullptr;
    napi_get_instance_data(env, &data);
    return *static_cast<EnvData*>(data);
  }
};

void init_core(Napi::Env env, Napi::Object exports);

}  // namespace libtorch_node
