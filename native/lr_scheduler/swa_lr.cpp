// The one part of SWALR that is native: its rates may be tensors, and are computed in lib/swa. Source:
// torch/optim/swa_utils.py, SWALR, PyTorch 2.13 (cf30153c).
#include <cmath>

#include "core/convert.h"
#include "core/function.h"

namespace libtorch_node {

namespace {

// swaCosine(t): V8's cos is not that of the C library.
Napi::Value swa_cosine(const Napi::CallbackInfo& info) {
  constexpr double kPi = 3.141592653589793;
  return Napi::Number::New(info.Env(), (1 - std::cos(kPi * to_double(info[0], "t"))) / 2);
}

}  // namespace

void init_swa_lr(Napi::Object exports) { export_function<swa_cosine>(exports, "swaCosine"); }

}  // namespace libtorch_node
