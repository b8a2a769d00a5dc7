// Activations. Words: torch/nn/modules/activation.py of PyTorch 2.13.
#include <ATen/Functions.h>
#include <torch/nn/modules/activation.h>

#include "nn/module.h"

namespace libtorch_node::layers {

namespace {

/** torch::nn has no SiLU in place. */
struct InplaceOptions {
  TORCH_ARG(bool, inplace) = false;
};
/** torch::nn wants a dimension. */
struct SoftmaxOptions {
  TORCH_ARG(std::optional<int64_t>, dim) = std::nullopt;
};

/** The dimension that Python takes when none is given. */
int64_t softmax_dim(const char* name, const at::Tensor& input, std::optional<int64_t> dim) {
  if (dim) return *dim;
  TORCH_WARN("Implicit dimension choice for ", name,
             " has been deprecated. Change the call to include dim=X as an argument.");
  return input.dim() == 0 || input.dim() == 1 || input.dim() == 3 ? 0 : 1;
}

}  // namespace

static const Registered<Row> kReLU{row<nn::ReLUImpl, nn::ReLUOptions>({
    .name = "ReLU",
    .doc = "`max(0, x)` of each element.\nShape: `(*)` → the same.",
    .seed = {},
    .arguments = {OPT(inplace, "writes the result into the input")},
    .repr = kInplaceOnly,
})};

static const Registered<Row> kLeakyReLU{row<nn::LeakyReLUImpl, nn::LeakyReLUOptions>({
    .name = "LeakyReLU",
    .doc = "`x` where positive, else `negativeSlope · x`.\nShape: `(*)` → the same.",
    .seed = {},
    .arguments = {OPT(negative_slope, "factor of negative values"), OPT(inplace, "writes the result into the input")},
    .repr = [](const Words& w) { return w.format("negative_slope={negative_slope}") + w.unless("False", "inplace"); },
})};

static const Registered<Row> kGELU{row<nn::GELUImpl, nn::GELUOptions>({
    .name = "GELU",
    .doc = "`x · Φ(x)`, where Φ is the cumulative normal distribution.\nShape: `(*)` → the same.",
    .seed = {},
    .arguments = {OPT(approximate, "'none', or 'tanh' for the approximation by tanh")},
    .repr = text("approximate='{approximate}'"),
})};

static const Registered<Row> kSiLU{plain_row<InplaceOptions>({
    .name = "SiLU",
    .doc = "`x · σ(x)`, where σ is the logistic sigmoid.\nShape: `(*)` → the same.",
    .seed = {},
    .arguments = {OPT(inplace, "writes the result into the input")},
    .repr = kInplaceOnly,
    .forward = [](auto& m, Inputs in) -> at::Tensor {
      if (!m.options.inplace()) return at::silu(in[0]);
      auto x = in[0];
      return at::silu_(x);
    },
})};

static const Registered<Row> kSigmoid{row<nn::SigmoidImpl>({
    .name = "Sigmoid",
    .doc = "`1 / (1 + exp(-x))` of each element.\nShape: `(*)` → the same.",
    .seed = {},
})};

static const Registered<Row> kTanh{row<nn::TanhImpl>({
    .name = "Tanh",
    .doc = "The hyperbolic tangent of each element.\nShape: `(*)` → the same.",
    .seed = {},
})};

static const Registered<Row> kSoftmax{plain_row<SoftmaxOptions>({
    .name = "Softmax",
    .doc = "Makes values along a dimension positive with the sum 1: `exp(x) / Σ exp(x)`.\nShape: `(*)` → the same.",
    .seed = {},
    .arguments = {OPT(dim, "dimension along which the values sum to 1")},
    .repr = text("dim={dim}"),
    .forward = [](auto& m, Inputs in) { return at::softmax(in[0], softmax_dim("softmax", in[0], m.options.dim())); },
})};

static const Registered<Row> kLogSoftmax{plain_row<SoftmaxOptions>({
    .name = "LogSoftmax",
    .doc = "The logarithm of the softmax along a dimension.\nShape: `(*)` → the same.",
    .seed = {},
    .arguments = {OPT(dim, "dimension along which the softmax sums to 1")},
    .repr = text("dim={dim}"),
    .forward = [](auto& m,
                  Inputs in) { return at::log_softmax(in[0], softmax_dim("log_softmax", in[0], m.options.dim())); },
})};

}  // namespace libtorch_node::layers
