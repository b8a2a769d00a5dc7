// Losses of each element of the input. Source: torch/nn/modules/loss.py and torch/nn/functional.py, PyTorch 2.13
// (cf30153c).
#include <ATen/Functions.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "nn/loss.h"

namespace libtorch_node::layers {

namespace {

struct SmoothL1Options {
  TORCH_ARG(Reduction, reduction);
  TORCH_ARG(double, beta) = 1;
};
struct HuberOptions {
  TORCH_ARG(Reduction, reduction);
  TORCH_ARG(double, delta) = 1;
};
struct KLDivOptions {
  TORCH_ARG(BatchReduction, reduction);
  TORCH_ARG(bool, log_target) = false;
};
struct PoissonOptions {
  TORCH_ARG(bool, log_input) = true;
  TORCH_ARG(bool, full) = false;
  TORCH_ARG(double, eps) = 1e-8;
  TORCH_ARG(Reduction, reduction);
};
struct GaussianOptions {
  TORCH_ARG(bool, full) = false;
  TORCH_ARG(double, eps) = 1e-6;
  TORCH_ARG(Reduction, reduction);
};
struct LogitsOptions {
  TORCH_ARG(at::Tensor, weight);
  TORCH_ARG(Reduction, reduction);
  TORCH_ARG(at::Tensor, pos_weight);
};

/** F.kl_div */
at::Tensor kl_div(const KLDivOptions& options, const at::Tensor& input, const at::Tensor& target) {
  const auto& name = options.reduction().name;
  if (name == "mean") {
    warn_once(
        "reduction: 'mean' divides the total loss by both the batch size and the support size.'batchmean' divides only "
        "by the batch size, and aligns with the KL div math definition.'mean' will be changed to behave the same as "
        "'batchmean' in the next major release.");
  }
  const bool by_batch = name == "batchmean";
  const auto number = by_batch ? int64_t{at::Reduction::Sum} : reduction_number(options.reduction());
  const auto loss = at::kl_div(input, target, number, options.log_target());
  return by_batch && input.dim() != 0 ? loss / input.size(0) : loss;
}

/** The variance in a shape that fits the input. */
at::Tensor fitting_variance(const at::Tensor& input, const at::Tensor& variance) {
  if (variance.sizes() == input.sizes()) return variance;
  if (input.dim() > 0 && input.sizes().slice(0, input.dim() - 1) == variance.sizes()) return variance.unsqueeze(-1);
  if (input.dim() == variance.dim()) {
    // One dimension may differ: Python takes its size there for the factor that it is not equal by.
    int64_t sum = 0;
    for (int64_t i = 0; i < input.dim(); ++i) {
      if (input.size(i) != variance.size(i)) sum += variance.size(i);
    }
    if (sum == 1) return variance;
  }
  fail("ERR_SHAPE", "var is of incorrect size");
}

/** F.gaussian_nll_loss */
at::Tensor gaussian_nll(const GaussianOptions& options, const at::Tensor& input, const at::Tensor& target,
                        const at::Tensor& given) {
  if (given.lt(0).any().item<bool>()) fail_argument("var has negative entry/entries");
  auto variance = fitting_variance(input, given);
  const auto& name = options.reduction().name;
  if (name != "none" && name != "mean" && name != "sum") fail_argument(name + " is not valid");
  variance = variance.clone();
  {
    const c10::AutoGradMode off(false);
    variance.clamp_min_(options.eps());
  }
  // One after the other, as in Python: gradients are summed in the order in which the graph was made.
  const auto logarithm = at::log(variance);
  const auto squares = at::pow(input - target, 2) / variance;
  auto loss = at::mul(logarithm + squares, 0.5);
  if (options.full()) loss.add_(0.5 * std::log(2 * std::numbers::pi));
  return reduce(loss, options.reduction(), " is not valid");
}

/** torch.broadcast_shapes, with its words. */
std::vector<int64_t> common_shape(const at::Tensor& target, const at::Tensor& weight) {
  std::vector<int64_t> shape(std::max(target.dim(), weight.dim()), 1);
  std::ranges::copy(target.sizes(), shape.end() - target.dim());
  for (int64_t i = 1; i <= weight.dim(); ++i) {
    auto& common = *(shape.end() - i);
    const auto size = weight.size(-i);
    if (size == common || size == 1) continue;
    if (common != 1) {
      fail("ERR_SHAPE", "Attempting to broadcast a dimension of length " + std::to_string(size) + " at -" +
                            std::to_string(i) + "! Mismatching argument at index 1 had " + size_text(weight) +
                            "; but expected shape should be broadcastable to " + list_text(shape));
    }
    common = size;
  }
  return shape;
}

/** F.binary_cross_entropy */
at::Tensor binary_cross_entropy(const WeightedLossOptions& options, const at::Tensor& input, const at::Tensor& target) {
  const auto number = reduction_number(options.reduction());
  if (target.sizes() != input.sizes()) {
    fail("ERR_SHAPE", "Using a target size (" + size_text(target) + ") that is different to the input size (" +
                          size_text(input) + ") is deprecated. Please ensure they have the same size.");
  }
  auto weight = options.weight();
  if (weight.defined()) weight = weight.expand(common_shape(target, weight));
  return at::binary_cross_entropy(input, target, weight, number);
}

/** F.binary_cross_entropy_with_logits */
at::Tensor with_logits(const LogitsOptions& options, const at::Tensor& input, const at::Tensor& target) {
  const auto number = reduction_number(options.reduction());
  if (target.sizes() != input.sizes()) {
    fail("ERR_SHAPE",
         "Target size (" + size_text(target) + ") must be the same as input size (" + size_text(input) + ")");
  }
  return at::binary_cross_entropy_with_logits(input, target, options.weight(), options.pos_weight(), number);
}

}  // namespace

static const Registered<Row> kL1Loss{plain_row<LossOptions>({
    .name = "L1Loss",
    .doc = "The absolute difference of input and target.\n"
           "Shape: `(*)`, `(*)` → a scalar, or `(*)` without reduction.",
    .seed = {},
    .arguments = {size_average(), reduce_argument(), OPT(reduction, kReduction)},
    .inputs = {"input", "target"},
    .prepare = settle_reduction<LossOptions>,
    .forward =
        [](auto& m, Inputs in) {
          const auto pair = broadcast(in[0], in[1]);
          return at::l1_loss(pair[0], pair[1], reduction_number(m.options.reduction()));
        },
})};

static const Registered<Row> kMSELoss{plain_row<LossOptions>({
    .name = "MSELoss",
    .doc = "The squared difference of input and target.\nShape: `(*)`, `(*)` → a scalar, or `(*)` without reduction.",
    .seed = {},
    .arguments = {size_average(), reduce_argument(), OPT(reduction, kReduction)},
    .inputs = {"input", "target"},
    .prepare = settle_reduction<LossOptions>,
    .forward =
        [](auto& m, Inputs in) {
          const auto pair = broadcast(in[0], in[1]);
          return at::mse_loss(pair[0], pair[1], reduction_number(m.options.reduction()));
        },
})};

static const Registered<Row> kSmoothL1Loss{plain_row<SmoothL1Options>({
    .name = "SmoothL1Loss",
    .doc = "Half the squared difference divided by `beta` where the difference is below `beta`, else the absolute "
           "difference less half of `beta`.\nShape: `(*)`, `(*)` → a scalar, or `(*)` without reduction.",
    .seed = {},
    .arguments = {size_average(), reduce_argument(), OPT(reduction, kReduction),
                  OPT(beta, "difference at which the loss turns from squared to absolute, ≥ 0")},
    .inputs = {"input", "target"},
    .prepare = settle_reduction<SmoothL1Options>,
    .forward =
        [](auto& m, Inputs in) {
          const auto pair = broadcast(in[0], in[1]);
          const auto number = reduction_number(m.options.reduction());
          if (m.options.beta() == 0) return at::l1_loss(pair[0], pair[1], number);
          return at::smooth_l1_loss(pair[0], pair[1], number, m.options.beta());
        },
})};

static const Registered<Row> kHuberLoss{plain_row<HuberOptions>({
    .name = "HuberLoss",
    .doc = "Half the squared difference where the difference is below `delta`, else `delta` times the absolute "
           "difference less half of `delta`.\nShape: `(*)`, `(*)` → a scalar, or `(*)` without reduction.",
    .seed = {},
    .arguments = {OPT(reduction, kReduction),
                  OPT(delta, "difference at which the loss turns from squared to absolute, > 0")},
    .inputs = {"input", "target"},
    .forward =
        [](auto& m, Inputs in) {
          const auto pair = broadcast(in[0], in[1]);
          return at::huber_loss(pair[0], pair[1], reduction_number(m.options.reduction()), m.options.delta());
        },
})};

static const Registered<Row> kKLDivLoss{plain_row<KLDivOptions>({
    .name = "KLDivLoss",
    .doc = "The Kullback-Leibler divergence: `target · (log target - input)`; the input is a logarithm.\n"
           "Shape: `(*)`, `(*)` → a scalar, or `(*)` without reduction.",
    .seed = {},
    .arguments = {size_average(), reduce_argument(),
                  OPT(reduction,
                      "'batchmean': the sum divided by the size of the batch, which is the definition; "
                      "'mean', 'sum', or 'none' for a loss of each element"),
                  OPT(log_target, "whether the target is a logarithm, too")},
    .inputs = {"input", "target"},
    .prepare = settle_reduction<KLDivOptions>,
    .forward = [](auto& m, Inputs in) { return kl_div(m.options, in[0], in[1]); },
})};

static const Registered<Row> kPoissonNLLLoss{plain_row<PoissonOptions>({
    .name = "PoissonNLLLoss",
    .doc = "The negative log likelihood of counts under Poisson distributions.\n"
           "Shape: `(*)`, `(*)` → a scalar, or `(*)` without reduction.",
    .seed = {},
    .arguments = {OPT(log_input, "whether the input is the logarithm of the rate"),
                  OPT(full, "adds Stirling's approximation of `log(target!)`"), size_average(),
                  OPT(eps, "added to the rate before its logarithm is taken"), reduce_argument(),
                  OPT(reduction, kReduction)},
    .inputs = {"log_input", "target"},
    .prepare = settle_reduction<PoissonOptions>,
    .forward =
        [](auto& m, Inputs in) {
          const auto& options = m.options;
          // Unlike the others this one does not know the word 'elementwise_mean'.
          const auto& name = options.reduction().name;
          if (name == "elementwise_mean") fail_argument(name + " is not a valid value for reduction");
          return at::poisson_nll_loss(in[0], in[1], options.log_input(), options.full(), options.eps(),
                                      reduction_number(options.reduction()));
        },
})};

static const Registered<Row> kGaussianNLLLoss{plain_row<GaussianOptions>({
    .name = "GaussianNLLLoss",
    .doc = "The negative log likelihood of targets under normal distributions with means `input`.\n"
           "Shape: `(N, *)`, `(N, *)`, variance `(N, *)`, or with last size 1, or without it → a scalar, or `(N, *)` "
           "without reduction.",
    .seed = {},
    .arguments = {KEYWORD(full, "adds the constant `log(2π) / 2`"), KEYWORD(eps, "smallest variance, > 0"),
                  KEYWORD(reduction, kReduction)},
    .inputs = {"input", "target", "variance"},
    .forward = [](auto& m, Inputs in) { return gaussian_nll(m.options, in[0], in[1], in[2]); },
})};

static const Registered<Row> kBCELoss{plain_row<WeightedLossOptions>({
    .name = "BCELoss",
    .doc = "The binary cross entropy between probabilities and targets, both in [0, 1].\n"
           "Shape: `(*)`, `(*)` → a scalar, or `(*)` without reduction.",
    .seed = {},
    .arguments = {OPT(weight, "a factor for each element, of a shape that broadcasts to the target's"), size_average(),
                  reduce_argument(), OPT(reduction, kReduction)},
    .tensors = {OPTION_BUFFER(weight)},
    .inputs = {"input", "target"},
    .prepare = settle_reduction<WeightedLossOptions>,
    .forward = [](auto& m, Inputs in) { return binary_cross_entropy(m.options, in[0], in[1]); },
})};

static const Registered<Row> kBCEWithLogitsLoss{plain_row<LogitsOptions>({
    .name = "BCEWithLogitsLoss",
    .doc = "The binary cross entropy between scores, of which it takes the sigmoid, and targets in [0, 1].\n"
           "Shape: `(*)`, `(*)` → a scalar, or `(*)` without reduction.",
    .seed = {},
    .arguments = {OPT(weight, "a factor for each element, of a shape that broadcasts to the target's"), size_average(),
                  reduce_argument(), OPT(reduction, kReduction),
                  OPT(pos_weight,
                      "a factor for the positive part of each class, of a shape that broadcasts to the "
                      "target's")},
    .tensors = {OPTION_BUFFER(weight), OPTION_BUFFER(pos_weight)},
    .inputs = {"input", "target"},
    .prepare = settle_reduction<LogitsOptions>,
    .forward = [](auto& m, Inputs in) { return with_logits(m.options, in[0], in[1]); },
})};

}  // namespace libtorch_node::layers
