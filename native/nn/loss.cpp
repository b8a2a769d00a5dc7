// Losses. Source: torch/nn/modules/loss.py and torch/nn/functional.py, PyTorch 2.13 (cf30153c).
#include <ATen/Functions.h>
#include <torch/nn/modules/loss.h>

#include "nn/module.h"

namespace libtorch_node::layers {

namespace {

const char* const kReduction = "'mean', 'sum', or 'none' for a loss of each element";

Argument size_average() {
  return constructor_only("size_average", "boolean | null", "PyTorch's old form of `reduction`: `false` is 'sum'");
}
Argument reduce() {
  return constructor_only("reduce", "boolean | null", "PyTorch's old form of `reduction`: `false` is 'none'");
}

/** The old pair of options wins over `reduction` when either is given. */
template <class Options>
void old_reduction(Options& options, const Given& given) {
  const auto flag = [&](const char* name) -> std::optional<bool> {
    const auto value = given(name);
    if (value.IsUndefined() || value.IsNull()) return std::nullopt;
    return to_bool(value, name);
  };
  const auto average = flag("size_average"), reduced = flag("reduce");
  if (!average && !reduced) return;
  if (!reduced.value_or(true))
    options.reduction(torch::kNone);
  else if (average.value_or(true))
    options.reduction(torch::kMean);
  else
    options.reduction(torch::kSum);
}

}  // namespace

static const Registered<Row> kMSELoss{row<nn::MSELossImpl, nn::MSELossOptions>({
    .name = "MSELoss",
    .doc = "The squared difference of input and target.\nShape: `(*)`, `(*)` → a scalar, or `(*)` without reduction.",
    .seed = {},
    .arguments = {size_average(), reduce(), OPT(reduction, kReduction)},
    .inputs = {"input", "target"},
    .prepare = old_reduction<nn::MSELossOptions>,
    .forward = [](auto& m, Inputs in) { return m.forward(in[0], in[1]); },
})};

static const Registered<Row> kCrossEntropyLoss{row<nn::CrossEntropyLossImpl, nn::CrossEntropyLossOptions>({
    .name = "CrossEntropyLoss",
    .doc = "The cross entropy between scores and classes.\n"
           "Shape: input `(N, C)`, `(C)` or `(N, C, d₁, …)`; target: class indices `(N)`, `()` or `(N, d₁, …)`, or "
           "probabilities in the "
           "shape of the input → a scalar, or the shape of the class indices without reduction.",
    .seed = {},
    .arguments = {OPT(weight, "a factor for each class, `(C)`"), size_average(),
                  OPT(ignore_index, "class index whose samples do not count"), reduce(), OPT(reduction, kReduction),
                  OPT(label_smoothing, "share of the target that is spread evenly over all classes, in [0, 1]")},
    .tensors = {BUFFER(weight)},
    .inputs = {"input", "target"},
    .prepare = old_reduction<nn::CrossEntropyLossOptions>,
    .forward = [](auto& m, Inputs in) { return m.forward(in[0], in[1]); },
})};

}  // namespace libtorch_node::layers
