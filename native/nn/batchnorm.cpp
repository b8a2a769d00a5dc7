// BatchNorm1d, BatchNorm2d, BatchNorm3d. Source: torch/nn/modules/batchnorm.py, _BatchNorm, PyTorch 2.13 (cf30153c).
// The module is ours: torch::nn has no `bias` option, and chooses other statistics when track_running_stats is changed
// later.
#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <torch/nn/init.h>
#include <torch/nn/options/batchnorm.h>

#include "core/error.h"
#include "nn/module.h"

namespace libtorch_node::layers {

namespace {

struct BatchNormOptions : nn::BatchNormOptions {
  using nn::BatchNormOptions::BatchNormOptions;
  TORCH_ARG(bool, bias) = true;
};

class BatchNorm : public nn::Cloneable<BatchNorm> {
 public:
  explicit BatchNorm(const BatchNormOptions& options_) : options(options_) { BatchNorm::reset(); }

  void reset() override {
    const auto n = options.num_features();
    if (options.affine()) {
      weight = at::empty({n}).set_requires_grad(true);
      if (options.bias()) bias = at::empty({n}).set_requires_grad(true);
    }
    if (options.track_running_stats()) {
      running_mean = at::zeros({n});
      running_var = at::ones({n});
      num_batches_tracked = at::zeros({}, at::kLong);
    }
    reset_parameters();
  }

  void reset_parameters() {
    if (running_mean.defined()) {
      running_mean.zero_();
      running_var.fill_(1);
      num_batches_tracked.zero_();
    }
    if (weight.defined()) nn::init::ones_(weight);
    if (bias.defined()) nn::init::zeros_(bias);
  }

  at::Tensor forward(const at::Tensor& input) {
    double factor = options.momentum().value_or(0);
    const bool tracked = options.track_running_stats();
    if (is_training() && tracked && num_batches_tracked.defined()) {
      num_batches_tracked.add_(1);
      if (!options.momentum()) factor = 1.0 / num_batches_tracked.item<double>();  // the plain average of all batches
    }
    const bool by_batch = is_training() || (!running_mean.defined() && !running_var.defined());
    if (by_batch) check_batch(input.sizes());
    // Statistics that are not tracked must not be updated.
    const bool use_buffers = !is_training() || tracked;
    return at::batch_norm(input, weight, bias, use_buffers ? running_mean : at::Tensor(),
                          use_buffers ? running_var : at::Tensor(), by_batch, factor, options.eps(),
                          at::globalContext().userEnabledCuDNN());
  }

  BatchNormOptions options;
  at::Tensor weight;
  at::Tensor bias;
  at::Tensor running_mean;
  at::Tensor running_var;
  at::Tensor num_batches_tracked;

 private:
  static void check_batch(c10::IntArrayRef sizes) {
    int64_t values = sizes[0];
    for (size_t i = 2; i < sizes.size(); ++i) values *= sizes[i];
    if (values == 1) {
      auto text = python_tuple(sizes);
      fail("ERR_SHAPE", "Expected more than 1 value per channel when training, got input size torch.Size([" +
                            text.substr(1, text.size() - 2) + "])");
    }
  }
};

Row batch_norm_row(const char* name, const char* doc, std::initializer_list<int64_t> dims, std::string expected) {
  return row<BatchNorm, BatchNormOptions>({
      .name = name,
      .doc = doc,
      .seed = BatchNormOptions(0),
      .arguments = {REQ(num_features, "number of channels C of the input, > 0"),
                    OPT(eps, "added to the variance, so that nothing is divided by zero; >= 0"),
                    OPT(momentum,
                        "share of the newest batch in the running statistics, in [0, 1]; null: the plain average of "
                        "all batches"),
                    OPT(affine, "whether a scale and a shift are learned; without, `weight` and `bias` are null"),
                    OPT(track_running_stats,
                        "whether running statistics are kept for eval(); without, batch statistics serve there, too"),
                    DEVICE, DTYPE, KEYWORD(bias, "whether a shift is learned beside the scale")},
      .tensors = {PARAMETER(weight), PARAMETER(bias), BUFFER(running_mean), BUFFER(running_var),
                  BUFFER_SINCE(num_batches_tracked, 2)},
      .version = 2,
      .repr = text("{num_features}, eps={eps}, momentum={momentum}, affine={affine}, bias={bias}, "
                   "track_running_stats={track_running_stats}"),
      .forward =
          [dims = std::vector<int64_t>(dims), expected = std::move(expected)](BatchNorm& m, Inputs in) {
            if (std::ranges::find(dims, in[0].dim()) == dims.end()) {
              fail("ERR_SHAPE", "expected " + expected + " input (got " + std::to_string(in[0].dim()) + "D input)");
            }
            return m.forward(in[0]);
          },
  });
}

}  // namespace

static const Registered<Row> kBatchNorm1d{
    batch_norm_row("BatchNorm1d", "Normalises each channel over the batch.\nShape: `(N, C)` or `(N, C, L)` → the same.",
                   {2, 3}, "2D or 3D")};
static const Registered<Row> kBatchNorm2d{batch_norm_row(
    "BatchNorm2d", "Normalises each channel of images over the batch.\nShape: `(N, C, H, W)` → the same.", {4}, "4D")};
static const Registered<Row> kBatchNorm3d{batch_norm_row(
    "BatchNorm3d", "Normalises each channel of volumes over the batch.\nShape: `(N, C, D, H, W)` → the same.", {5},
    "5D")};

}  // namespace libtorch_node::layers
