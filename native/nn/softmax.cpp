// Softmax and its kin. Source: torch/nn/modules/activation.py and torch/nn/functional.py, PyTorch 2.13.
#include <ATen/Functions.h>

#include "core/error.h"
#include "nn/module.h"

namespace libtorch_node::layers {

namespace {

/** torch::nn wants a dimension. */
struct SoftmaxOptions {
  TORCH_ARG(std::optional<int64_t>, dim) = std::nullopt;
};

constexpr char kSoftmaxName[] = "softmax";
constexpr char kLogSoftmaxName[] = "log_softmax";
constexpr char kSoftminName[] = "softmin";

/** The dimension that Python takes when none is given. */
template <const char* name>
int64_t dim_of(const at::Tensor& input, std::optional<int64_t> dim) {
  if (dim) return *dim;
  TORCH_WARN_ONCE("Implicit dimension choice for ", name,
                  " has been deprecated. Change the call to include dim=X as an argument.");
  return input.dim() == 0 || input.dim() == 1 || input.dim() == 3 ? 0 : 1;
}

Row softmax_row(const char* name, const char* doc,
                at::Tensor (*compute)(const at::Tensor& input, std::optional<int64_t> dim)) {
  return plain_row<SoftmaxOptions>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = {OPT(dim,
                        "dimension along which the softmax sums to 1; null is PyTorch's old choice: the first of 0, 1 "
                        "or 3 dimensions, else the second")},
      .repr = text("dim={dim}"),
      .forward = [compute](auto& m, Inputs in) { return compute(in[0], m.options.dim()); },
  });
}

}  // namespace

static const Registered<Row> kSoftmax{softmax_row(
    "Softmax", "Makes values along a dimension positive with the sum 1: `exp(x) / Σ exp(x)`.\nShape: `(*)` → the same.",
    [](const at::Tensor& x, std::optional<int64_t> dim) { return at::softmax(x, dim_of<kSoftmaxName>(x, dim)); })};

static const Registered<Row> kLogSoftmax{
    softmax_row("LogSoftmax", "The logarithm of the softmax along a dimension.\nShape: `(*)` → the same.",
                [](const at::Tensor& x, std::optional<int64_t> dim) {
                  return at::log_softmax(x, dim_of<kLogSoftmaxName>(x, dim));
                })};

static const Registered<Row> kSoftmin{softmax_row(
    "Softmin", "The softmax of `-x` along a dimension.\nShape: `(*)` → the same.",
    [](const at::Tensor& x, std::optional<int64_t> dim) { return at::softmax(-x, dim_of<kSoftminName>(x, dim)); })};

static const Registered<Row> kSoftmax2d{plain_row<NoOptions>({
    .name = "Softmax2d",
    .doc = "The softmax over the channels of each place of an image.\nShape: `(N, C, H, W)` or `(C, H, W)` → the same.",
    .seed = {},
    .forward = [](auto&, Inputs in) -> at::Tensor {
      if (in[0].dim() != 3 && in[0].dim() != 4) {
        fail("ERR_SHAPE", "Softmax2d: expected input to be 3D or 4D, got " + std::to_string(in[0].dim()) + "D instead");
      }
      return at::softmax(in[0], -3);
    },
})};

}  // namespace libtorch_node::layers
