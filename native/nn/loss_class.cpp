// Losses of classes and labels. Source: torch/nn/modules/loss.py and torch/nn/functional.py, PyTorch 2.13 (cf30153c).
#include <ATen/Functions.h>

#include "core/error.h"
#include "nn/loss.h"

namespace libtorch_node::layers {

namespace {

const char* const kWeight = "a factor for each class, `(C)`";
const char* const kIgnoreIndex = "class index whose samples do not count";

struct NLLOptions {
  TORCH_ARG(at::Tensor, weight);
  TORCH_ARG(int64_t, ignore_index) = -100;
  TORCH_ARG(Reduction, reduction);
};
struct CrossEntropyOptions {
  TORCH_ARG(at::Tensor, weight);
  TORCH_ARG(int64_t, ignore_index) = -100;
  TORCH_ARG(Reduction, reduction);
  TORCH_ARG(double, label_smoothing) = 0;
};
struct MultiMarginOptions {
  TORCH_ARG(int64_t, p) = 1;
  TORCH_ARG(double, margin) = 1;
  TORCH_ARG(at::Tensor, weight);
  TORCH_ARG(Reduction, reduction);
};
struct CTCOptions {
  TORCH_ARG(int64_t, blank) = 0;
  TORCH_ARG(Reduction, reduction);
  TORCH_ARG(bool, zero_infinity) = false;
};

void check_p(int64_t p) {
  if (p != 1 && p != 2) fail_argument("only p == 1 and p == 2 supported");
}

/** F.multilabel_soft_margin_loss */
at::Tensor multilabel_soft_margin(const WeightedLossOptions& options, const at::Tensor& input,
                                  const at::Tensor& target) {
  // One after the other, as in Python: gradients are summed in the order in which the graph was made.
  const auto positive = target * at::log_sigmoid(input);
  const auto rest = at::rsub(target, 1);
  const auto negative = rest * at::log_sigmoid(at::neg(input));
  auto loss = at::neg(positive + negative);
  if (options.weight().defined()) loss = loss * options.weight();
  const auto class_dim = input.dim() - 1;
  loss = loss.sum(class_dim) / input.size(class_dim);
  return reduce(loss, options.reduction(), " is not valid");
}

}  // namespace

static const Registered<Row> kNLLLoss{plain_row<NLLOptions>({
    .name = "NLLLoss",
    .doc = "The negative log likelihood; the input holds log probabilities.\n"
           "Shape: input `(N, C)`, `(C)` or `(N, C, d₁, …)`; target: class indices `(N)`, `()` or `(N, d₁, …)` → a "
           "scalar, or the shape of the target without reduction.",
    .seed = {},
    .arguments = {OPT(weight, kWeight), size_average(), OPT(ignore_index, kIgnoreIndex), reduce_argument(),
                  OPT(reduction, kReduction)},
    .tensors = {OPTION_BUFFER(weight)},
    .inputs = {"input", "target"},
    .prepare = settle_reduction<NLLOptions>,
    .forward =
        [](auto& m, Inputs in) {
          const auto& options = m.options;
          return at::nll_loss_nd(in[0], in[1], options.weight(), reduction_number(options.reduction()),
                                 options.ignore_index());
        },
})};

static const Registered<Row> kCrossEntropyLoss{plain_row<CrossEntropyOptions>({
    .name = "CrossEntropyLoss",
    .doc = "The cross entropy between scores and classes.\n"
           "Shape: input `(N, C)`, `(C)` or `(N, C, d₁, …)`; target: class indices `(N)`, `()` or `(N, d₁, …)`, or "
           "probabilities in the "
           "shape of the input → a scalar, or the shape of the class indices without reduction.",
    .seed = {},
    .arguments = {OPT(weight, kWeight), size_average(), OPT(ignore_index, kIgnoreIndex), reduce_argument(),
                  OPT(reduction, kReduction),
                  OPT(label_smoothing, "share of the target that is spread evenly over all classes, in [0, 1]")},
    .tensors = {OPTION_BUFFER(weight)},
    .inputs = {"input", "target"},
    .prepare = settle_reduction<CrossEntropyOptions>,
    .forward =
        [](auto& m, Inputs in) {
          const auto& options = m.options;
          return at::cross_entropy_loss(in[0], in[1], options.weight(), reduction_number(options.reduction()),
                                        options.ignore_index(), options.label_smoothing());
        },
})};

static const Registered<Row> kMultiLabelMarginLoss{plain_row<LossOptions>({
    .name = "MultiLabelMarginLoss",
    .doc = "The hinge loss between scores and several classes each; the target holds class indices up to the first "
           "-1.\nShape: `(C)` or `(N, C)`, target the same → a scalar, or `(N)` without reduction.",
    .seed = {},
    .arguments = {size_average(), reduce_argument(), OPT(reduction, kReduction)},
    .inputs = {"input", "target"},
    .prepare = settle_reduction<LossOptions>,
    .forward =
        [](auto& m, Inputs in) {
          return at::multilabel_margin_loss(in[0], in[1], reduction_number(m.options.reduction()));
        },
})};

static const Registered<Row> kMultiLabelSoftMarginLoss{plain_row<WeightedLossOptions>({
    .name = "MultiLabelSoftMarginLoss",
    .doc = "The mean over all classes of the binary cross entropy between scores and labels 0 or 1.\n"
           "Shape: `(N, C)`, `(N, C)` → a scalar, or `(N)` without reduction.",
    .seed = {},
    .arguments = {OPT(weight, kWeight), size_average(), reduce_argument(), OPT(reduction, kReduction)},
    .tensors = {OPTION_BUFFER(weight)},
    .inputs = {"input", "target"},
    .prepare = settle_reduction<WeightedLossOptions>,
    .forward = [](auto& m, Inputs in) { return multilabel_soft_margin(m.options, in[0], in[1]); },
})};

static const Registered<Row> kMultiMarginLoss{plain_row<MultiMarginOptions>({
    .name = "MultiMarginLoss",
    .doc = "The hinge loss between scores and one class each.\n"
           "Shape: input `(N, C)` or `(C)`; target: class indices `(N)` or `()` → a scalar, or the shape of the target "
           "without reduction.",
    .seed = {},
    .arguments = {OPT(p, "power of the differences, 1 or 2"), OPT(margin, "distance of scores that costs nothing"),
                  OPT(weight, kWeight), size_average(), reduce_argument(), OPT(reduction, kReduction)},
    .tensors = {OPTION_BUFFER(weight)},
    .inputs = {"input", "target"},
    .prepare =
        [](MultiMarginOptions& options, const Given& given) {
          settle_reduction(options, given);
          check_p(options.p());
          if (const auto& weight = options.weight(); weight.defined() && weight.dim() != 1) {
            fail("ERR_SHAPE", "MultiMarginLoss: expected weight to be None or 1D tensor, got " +
                                  std::to_string(weight.dim()) + "D instead");
          }
        },
    .forward =
        [](auto& m, Inputs in) {
          const auto& options = m.options;
          const auto number = reduction_number(options.reduction());
          check_p(options.p());
          if (options.weight().defined() && options.weight().dim() != 1)
            fail("ERR_SHAPE", "weight must be one-dimensional");
          return at::multi_margin_loss(in[0], in[1], options.p(), options.margin(), options.weight(), number);
        },
})};

static const Registered<Row> kCTCLoss{plain_row<CTCOptions>({
    .name = "CTCLoss",
    .doc = "The connectionist temporal classification loss: the negative log likelihood of label sequences without "
           "alignment.\nShape: log probabilities `(T, N, C)` or `(T, C)`; targets `(N, S)` or all in a row "
           "`(Σ targetLengths)`; lengths `(N)` or `()` → a scalar, or `(N)` without reduction.",
    .seed = {},
    .arguments = {OPT(blank, "class index of the blank label"), OPT(reduction, kReduction),
                  OPT(zero_infinity, "whether infinite losses, of inputs shorter than their targets, count as zero")},
    .inputs = {"log_probs", "targets", "input_lengths", "target_lengths"},
    .forward =
        [](auto& m, Inputs in) {
          const auto& options = m.options;
          return at::ctc_loss(in[0], in[1], in[2], in[3], options.blank(), reduction_number(options.reduction()),
                              options.zero_infinity());
        },
})};

}  // namespace libtorch_node::layers
