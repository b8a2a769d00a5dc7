#pragma once
#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "nn/module.h"

/**
 * What BatchNorm and InstanceNorm share. Source: torch/nn/modules/batchnorm.py, _NormBase, PyTorch 2.13 (cf30153c). The
 * module is ours: torch::nn has no `bias` option, and chooses other statistics when track_running_stats is changed
 * later.
 */
namespace libtorch_node::layers {

struct NormOptions {
  NormOptions(bool affine, bool track_running_stats) : affine_(affine), track_running_stats_(track_running_stats) {}
  TORCH_ARG(int64_t, num_features) = 0;
  TORCH_ARG(double, eps) = 1e-5;
  TORCH_ARG(std::optional<double>, momentum) = 0.1;
  TORCH_ARG(bool, affine);
  TORCH_ARG(bool, track_running_stats);
  TORCH_ARG(bool, bias) = true;
};

class Norm : public nn::Cloneable<Norm> {
 public:
  explicit Norm(const NormOptions& options_) : options(options_) { Norm::reset(); }
  void reset() override;

  NormOptions options;
  at::Tensor weight;
  at::Tensor bias;
  at::Tensor running_mean;
  at::Tensor running_var;
  at::Tensor num_batches_tracked;
};

/** A row with the arguments, tensors and words of _NormBase; `more` stands before `device`. */
struct NormSpec {
  const char* name;
  const char* doc;
  NormOptions seed;
  std::function<c10::IValue(Norm& m, const at::Tensor& input)> forward;
  std::vector<ArgumentOf<NormOptions>> more = {};
};
Row norm_row(NormSpec spec);

/** Python's "expected 2D or 3D input (got 4D input)", unless the input has one of these numbers of dimensions. */
void check_dims(const at::Tensor& input, c10::IntArrayRef dims);
/** As Python prints a torch.Size. */
std::string size_text(c10::IntArrayRef sizes);

}  // namespace libtorch_node::layers
