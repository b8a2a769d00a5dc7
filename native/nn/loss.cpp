// What losses share. Source: torch/nn/_reduction.py and torch/nn/functional.py, PyTorch 2.13 (cf30153c).
#include "nn/loss.h"

#include <ATen/Functions.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <mutex>
#include <set>

#include "core/error.h"

namespace libtorch_node::layers {

int64_t reduction_number(const Reduction& reduction) {
  const auto& name = reduction.name;
  if (name == "none") return at::Reduction::None;
  if (name == "mean") return at::Reduction::Mean;
  if (name == "sum") return at::Reduction::Sum;
  if (name == "elementwise_mean") {
    warn_once("reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead.");
    return at::Reduction::Mean;
  }
  fail_argument(name + " is not a valid value for reduction");
}

at::Tensor reduce(const at::Tensor& loss, const Reduction& reduction, const char* complaint) {
  const auto& name = reduction.name;
  if (name == "none") return loss;
  if (name == "mean") return loss.mean();
  if (name == "sum") return loss.sum();
  fail_argument(name + complaint);
}

Argument size_average() {
  return constructor_only("size_average", "boolean | null", "PyTorch's old form of `reduction`: `false` is 'sum'");
}
Argument reduce_argument() {
  return constructor_only("reduce", "boolean | null", "PyTorch's old form of `reduction`: `false` is 'none'");
}

std::string old_reduction(const Given& given) {
  const auto flag = [&](const char* name, const char* what) -> std::optional<bool> {
    const auto value = given(name);
    if (value.IsUndefined() || value.IsNull()) return std::nullopt;
    return to_bool(value, what);
  };
  const auto average = flag("size_average", "sizeAverage"), reduced = flag("reduce", "reduce");
  if (!average && !reduced) return "";
  const std::string word = !reduced.value_or(true) ? "none" : average.value_or(true) ? "mean" : "sum";
  warn_once("size_average and reduce args will be deprecated, please use reduction='" + word + "' instead.");
  return word;
}

void warn_once(const std::string& text) {
  if (!c10::WarningUtils::get_warnAlways()) {
    static std::mutex mutex;
    static std::set<std::string> given;
    const std::lock_guard lock(mutex);
    // Texts that name sizes could be without end.
    if (given.size() >= 1000) given.clear();
    if (!given.insert(text).second) return;
  }
  TORCH_WARN(text);
}

std::vector<at::Tensor> broadcast(const at::Tensor& input, const at::Tensor& target) {
  if (target.sizes() != input.sizes()) {
    warn_once("Using a target size (" + size_text(target) + ") that is different to the input size (" +
              size_text(input) +
              "). This will likely lead to incorrect results due to broadcasting. Please ensure they have the same "
              "size.");
  }
  return at::broadcast_tensors({input, target});
}

}  // namespace libtorch_node::layers
