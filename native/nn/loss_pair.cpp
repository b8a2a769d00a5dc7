// Losses of distances and signs. Source: torch/nn/modules/loss.py and torch/nn/functional.py, PyTorch 2.13 (cf30153c).
#include <ATen/Functions.h>

#include "core/error.h"
#include "nn/loss.h"

namespace libtorch_node::layers {

namespace {

struct HingeOptions {
  TORCH_ARG(double, margin) = 1;
  TORCH_ARG(Reduction, reduction);
};
struct MarginOptions {
  TORCH_ARG(double, margin) = 0;
  TORCH_ARG(Reduction, reduction);
};
struct TripletOptions {
  TORCH_ARG(double, margin) = 1;
  TORCH_ARG(double, p) = 2;
  TORCH_ARG(double, eps) = 1e-6;
  TORCH_ARG(bool, swap) = false;
  TORCH_ARG(Reduction, reduction);
};

}  // namespace

static const Registered<Row> kHingeEmbeddingLoss{plain_row<HingeOptions>({
    .name = "HingeEmbeddingLoss",
    .doc = "The input where the target is 1, and `max(0, margin - input)` where it is -1.\n"
           "Shape: `(*)`, `(*)` → a scalar, or `(*)` without reduction.",
    .seed = {},
    .arguments = {OPT(margin, "distance from which on a dissimilar pair costs nothing"), size_average(),
                  reduce_argument(), OPT(reduction, kReduction)},
    .inputs = {"input", "target"},
    .prepare = settle_reduction<HingeOptions>,
    .forward =
        [](auto& m, Inputs in) {
          return at::hinge_embedding_loss(in[0], in[1], m.options.margin(), reduction_number(m.options.reduction()));
        },
})};

static const Registered<Row> kSoftMarginLoss{plain_row<LossOptions>({
    .name = "SoftMarginLoss",
    .doc = "`log(1 + exp(-target · input))`; the target is 1 or -1.\n"
           "Shape: `(*)`, `(*)` → a scalar, or `(*)` without reduction.",
    .seed = {},
    .arguments = {size_average(), reduce_argument(), OPT(reduction, kReduction)},
    .inputs = {"input", "target"},
    .prepare = settle_reduction<LossOptions>,
    .forward = [](auto& m,
                  Inputs in) { return at::soft_margin_loss(in[0], in[1], reduction_number(m.options.reduction())); },
})};

static const Registered<Row> kCosineEmbeddingLoss{plain_row<MarginOptions>({
    .name = "CosineEmbeddingLoss",
    .doc = "`1 - cos` of two inputs where the target is 1, and `max(0, cos - margin)` where it is -1.\n"
           "Shape: `(N, D)` or `(D)` twice, target `(N)` or `()` → a scalar, or the shape of the target without "
           "reduction.",
    .seed = {},
    .arguments = {OPT(margin, "cosine up to which a dissimilar pair costs nothing, in [-1, 1]"), size_average(),
                  reduce_argument(), OPT(reduction, kReduction)},
    .inputs = {"input1", "input2", "target"},
    .prepare = settle_reduction<MarginOptions>,
    .forward =
        [](auto& m, Inputs in) {
          return at::cosine_embedding_loss(in[0], in[1], in[2], m.options.margin(),
                                           reduction_number(m.options.reduction()));
        },
})};

static const Registered<Row> kMarginRankingLoss{plain_row<MarginOptions>({
    .name = "MarginRankingLoss",
    .doc = "`max(0, -target · (input1 - input2) + margin)`; the target is 1 where the first should rank higher, else "
           "-1.\nShape: `(N)` or `()` three times → a scalar, or the same without reduction.",
    .seed = {},
    .arguments = {OPT(margin, "difference by which the right one has to be higher"), size_average(), reduce_argument(),
                  OPT(reduction, kReduction)},
    .inputs = {"input1", "input2", "target"},
    .prepare = settle_reduction<MarginOptions>,
    .forward =
        [](auto& m, Inputs in) {
          const auto number = reduction_number(m.options.reduction());
          if (in[0].dim() != in[1].dim() || in[0].dim() != in[2].dim()) {
            fail("ERR_SHAPE",
                 "margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: " +
                     size_text(in[0]) + ", input2: " + size_text(in[1]) + ", target: " + size_text(in[2]) + " ");
          }
          return at::margin_ranking_loss(in[0], in[1], in[2], m.options.margin(), number);
        },
})};

static const Registered<Row> kTripletMarginLoss{plain_row<TripletOptions>({
    .name = "TripletMarginLoss",
    .doc = "`max(0, d(anchor, positive) - d(anchor, negative) + margin)` with the distance of the `p`-norm.\n"
           "Shape: `(N, D)` or `(D)` three times → a scalar, or `(N)` or `()` without reduction.",
    .seed = {},
    .arguments = {OPT(margin, "difference of the distances that costs nothing, > 0"), OPT(p, "degree of the norm"),
                  OPT(eps, "added to each difference"),
                  OPT(swap, "takes the distance between positive and negative where that is the smaller one"),
                  size_average(), reduce_argument(), OPT(reduction, kReduction)},
    .inputs = {"anchor", "positive", "negative"},
    .prepare =
        [](TripletOptions& options, const Given& given) {
          settle_reduction(options, given);
          if (options.margin() <= 0) {
            fail_argument("TripletMarginLoss: expected margin to be greater than 0, got " +
                          number_text(options.margin()) + " instead");
          }
        },
    .forward =
        [](auto& m, Inputs in) {
          const auto& options = m.options;
          const auto number = reduction_number(options.reduction());
          if (options.margin() <= 0)
            fail_argument("margin must be greater than 0, got " + number_text(options.margin()));
          return at::triplet_margin_loss(in[0], in[1], in[2], options.margin(), options.p(), options.eps(),
                                         options.swap(), number);
        },
})};

}  // namespace libtorch_node::layers
