// InstanceNorm1d, InstanceNorm2d, InstanceNorm3d. Source: torch/nn/modules/instancenorm.py, _InstanceNorm, PyTorch 2.13
// (cf30153c). torch::nn has neither `bias` nor inputs without a batch, and does not look at the number of channels.
#include <ATen/Context.h>
#include <ATen/Functions.h>

#include "core/error.h"
#include "nn/norm.h"

namespace libtorch_node::layers {

namespace {

void check_channels(const Norm& m, const at::Tensor& input, int64_t dim) {
  const auto channels = input.size(dim);
  if (channels == m.options.num_features()) return;
  const auto where = "input's size at dim=" + std::to_string(dim);
  if (m.options.affine()) {
    fail("ERR_SHAPE", "expected " + where + " to match num_features (" + std::to_string(m.options.num_features()) +
                          "), but got: " + std::to_string(channels) + ".");
  }
  TORCH_WARN(where,
             " does not match num_features. You can silence this warning by not passing in num_features, which is not "
             "used because affine=False");
}

at::Tensor instance_norm(const Norm& m, const at::Tensor& input) {
  const auto& options = m.options;
  const bool by_input = m.is_training() || !options.track_running_stats();
  const auto sizes = input.sizes();
  int64_t positions = 1;
  for (size_t i = 2; i < sizes.size(); ++i) positions *= sizes[i];
  if (by_input && positions == 1)
    fail("ERR_SHAPE", "Expected more than 1 spatial element when training, got input size " + size_text(sizes));
  return at::instance_norm(input, m.weight, m.bias, m.running_mean, m.running_var, by_input,
                           options.momentum().value_or(0), options.eps(), at::globalContext().userEnabledCuDNN());
}

Row instance_norm_row(const char* name, const char* doc, int64_t unbatched) {
  return norm_row({.name = name,
                   .doc = doc,
                   .seed = NormOptions(false, false),
                   .forward = [unbatched](Norm& m, const at::Tensor& input) -> c10::IValue {
                     check_dims(input, {unbatched, unbatched + 1});
                     check_channels(m, input, input.dim() - unbatched);
                     if (input.dim() == unbatched) return instance_norm(m, input.unsqueeze(0)).squeeze(0);
                     return instance_norm(m, input);
                   }});
}

}  // namespace

static const Registered<Row> kInstanceNorm1d{instance_norm_row(
    "InstanceNorm1d", "Normalises each channel of each sequence.\nShape: `(N, C, L)` or `(C, L)` → the same.", 2)};
static const Registered<Row> kInstanceNorm2d{instance_norm_row(
    "InstanceNorm2d", "Normalises each channel of each image.\nShape: `(N, C, H, W)` or `(C, H, W)` → the same.", 3)};
static const Registered<Row> kInstanceNorm3d{instance_norm_row(
    "InstanceNorm3d", "Normalises each channel of each volume.\nShape: `(N, C, D, H, W)` or `(C, D, H, W)` → the same.",
    4)};

}  // namespace libtorch_node::layers
