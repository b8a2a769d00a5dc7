// Tensors that go from one thread's JavaScript to another's without a copy: there is one LibTorch for all of them.
#include <ATen/ATen.h>

#include <mutex>
#include <unordered_map>

#include "core/convert.h"
#include "core/function.h"
#include "core/tensor.h"

namespace libtorch_node {

namespace {

using Info = Napi::CallbackInfo;

/** Tensors on their way; each waits for the one receiver of its number. */
class Shared {
 public:
  int64_t put(at::Tensor tensor) {
    std::lock_guard guard(mutex_);
    tensors_.emplace(++last_, std::move(tensor));
    return last_;
  }
  /** An undefined tensor when there is none. */
  at::Tensor take(int64_t id) {
    std::lock_guard guard(mutex_);
    auto found = tensors_.extract(id);
    return found.empty() ? at::Tensor() : std::move(found.mapped());
  }

 private:
  std::mutex mutex_;
  std::unordered_map<int64_t, at::Tensor> tensors_;
  int64_t last_ = 0;
};

Shared& shared() {
  // never destroyed: at the end of the process its tensors would go after what they need
  static auto* all = new Shared;
  return *all;
}

Napi::Value share_tensor(const Info& info) {
  return from_int(info.Env(), shared().put(unwrap_tensor(info[0], "self").detach()));
}

Napi::Value receive_tensor(const Info& info) {
  auto tensor = shared().take(to_int(info[1], "id"));
  if (!tensor.defined()) {
    fail_argument("torch.receive: this tensor was received or released before, or comes from another process");
  }
  return Napi::Value(info.Env(), wrap_tensor(info.Env(), info[0], std::move(tensor)));
}

Napi::Value release_shared_tensor(const Info& info) {
  return Napi::Boolean::New(info.Env(), shared().take(to_int(info[0], "id")).defined());
}

}  // namespace

void init_share(Napi::Env, Napi::Object exports) {
  export_function<share_tensor>(exports, "shareTensor");
  export_function<receive_tensor>(exports, "receiveTensor");
  export_function<release_shared_tensor>(exports, "releaseSharedTensor");
}

}  // namespace libtorch_node
