#include "core/async.h"

#include <ATen/autocast_mode.h>

#include <optional>

namespace libtorch_node {

namespace {

class Work final : public Napi::AsyncWorker {
 public:
  Work(Napi::Env env, std::function<void()> work, std::function<Napi::Value(Napi::Env)> finish)
      : Napi::AsyncWorker(env, "libtorch-node"),
        deferred_(Napi::Promise::Deferred::New(env)),
        work_(std::move(work)),
        finish_(std::move(finish)) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override {
    at::ThreadLocalStateGuard state(state_);
    try {
      work_();
    } catch (...) {
      caught_ = describe_current_exception();
    }
    // Tensors captured by the work go here, off the main thread.
    work_ = nullptr;
  }

  void OnOK() override {
    try {
      Napi::HandleScope scope(Env());
      settle();
      account(Env());
    } catch (...) {
      // The environment is being shut down and runs no JavaScript any more: nobody waits for this promise.
    }
  }

 private:
  void settle() {
    try {
      if (caught_) {
        deferred_.Reject(make_error(Env(), *caught_));
      } else {
        deferred_.Resolve(finish_(Env()));
      }
    } catch (const Napi::Error& e) {
      deferred_.Reject(e.Value());
    } catch (...) {
      deferred_.Reject(make_error(Env(), describe_current_exception()));
    }
  }

  Napi::Promise::Deferred deferred_;
  std::function<void()> work_;
  std::function<Napi::Value(Napi::Env)> finish_;
  std::optional<Caught> caught_;
  at::ThreadLocalState state_;
};

}  // namespace

Napi::Value run_async(Napi::Env env, std::function<void()> work, std::function<Napi::Value(Napi::Env)> finish) {
  auto* worker = new Work(env, std::move(work), std::move(finish));
  auto promise = worker->promise();
  worker->Queue();
  return promise;
}

}  // namespace libtorch_node
