// torch.optim.SparseAdam. Source: torch/optim/sparse_adam.py and _functional.py, sparse_adam, PyTorch 2.13 (cf30153c).
#include <ATen/core/Tensor.h>
#include <ATen/ops/_sparse_coo_tensor_unsafe.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

#include "optim/implementation.h"

namespace libtorch_node {

namespace {

void check(const Values& o) {
  const auto& lr = o.at("lr");
  if (lr.isTensor() && lr.toTensor().numel() != 1) refuse("Tensor lr must be 1-element");
  if (!(o.real("lr") > 0)) refuse("Invalid learning rate: " + o.print("lr"));
  if (!(o.real("eps") > 0)) refuse("Invalid epsilon value: " + o.print("eps"));
  check_betas(o);
}

void check_params(const std::vector<std::vector<at::Tensor>>& groups) {
  std::string sparse, complex;
  for (size_t i = 0; i < groups.size(); ++i) {
    for (size_t j = 0; j < groups[i].size(); ++j) {
      const auto place = "[" + std::to_string(i) + ", " + std::to_string(j) + "]";
      if (groups[i][j].is_sparse()) sparse += (sparse.empty() ? "" : ", ") + place;
      if (groups[i][j].is_complex()) complex += (complex.empty() ? "" : ", ") + place;
    }
  }
  if (!sparse.empty()) {
    refuse("Sparse params at indices [" + sparse + "]: SparseAdam requires dense parameter tensors");
  }
  if (!complex.empty()) {
    refuse("Complex params at indices [" + complex + "]: SparseAdam does not support complex parameters");
  }
}

void check_sparse(const Parameter& p) {
  if (!p.grad.is_sparse()) refuse("SparseAdam does not support dense gradients, please consider Adam instead");
}

void start(Group&, Parameter& p) {
  check_sparse(p);
  p.state.set("step", int64_t{0});
  p.state.set("exp_avg", at::zeros_like(p.value, {}, at::MemoryFormat::Preserve));
  p.state.set("exp_avg_sq", at::zeros_like(p.value, {}, at::MemoryFormat::Preserve));
}

// `step` is a number here, and stays the kind that it is.
double next_step(State& state) {
  for (const auto& [key, value] : state.entries()) {
    if (key != "step") continue;
    if (value.isInt()) {
      const int64_t count = value.toInt() + 1;
      state.set("step", count);
      return static_cast<double>(count);
    }
    if (value.isDouble()) {
      const double count = value.toDouble() + 1;
      state.set("step", count);
      return count;
    }
  }
  refuse("the optimizer's state of a parameter has no number 'step'");
}

void single(Group& group, const Parameters& parameters) {
  const Rate lr(group);
  const double beta1 = group.real("betas", 0), beta2 = group.real("betas", 1), eps = group.real("eps");
  const bool maximize = group.flag("maximize");
  std::vector<double> counts;
  for (auto* p : parameters) {
    check_sparse(*p);
    counts.push_back(next_step(p->state));
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    auto* p = parameters[i];
    // no index twice: the update is not linear
    const auto grad = (maximize ? p->grad.neg() : p->grad).coalesce();
    const auto values = grad._values();
    if (values.numel() == 0) continue;
    const auto sparse = [&](const at::Tensor& v) {
      return at::_sparse_coo_tensor_unsafe(grad._indices(), v, grad.sizes(), v.options().layout(at::kSparse));
    };
    auto exp_avg = p->state.tensor("exp_avg"), exp_avg_sq = p->state.tensor("exp_avg_sq"), value = p->value;

    const auto old_avg = exp_avg.sparse_mask(grad)._values();
    // as a tensor: the kernel rounds a Scalar to a narrow dtype first
    auto avg = values.sub(old_avg);
    group.multiply_(avg, 1 - beta1);
    exp_avg.add_(sparse(avg));
    const auto old_avg_sq = exp_avg_sq.sparse_mask(grad)._values();
    auto avg_sq = values.pow(2).sub_(old_avg_sq);
    group.multiply_(avg_sq, 1 - beta2);
    exp_avg_sq.add_(sparse(avg_sq));

    const auto numerator = avg.add_(old_avg);
    const auto denominator = avg_sq.add_(old_avg_sq).sqrt_().add_(eps);
    const double bias_correction1 = 1 - std::pow(beta1, counts[i]);
    const double root = std::sqrt(1 - std::pow(beta2, counts[i]));
    const auto update = numerator.div_(denominator);
    if (lr.tensor.defined()) {
      value.add_(sparse(lr.tensor.mul(root).div(bias_correction1).neg().mul(update)));
    } else {
      value.add_(sparse(update.mul(-(lr.number * root / bias_correction1))));
    }
  }
}

}  // namespace

static const Registered<OptimizerRow> kSparseAdam{{
    .name = "SparseAdam",
    .doc =
        "Adam for sparse gradients, as those of `Embedding` with `sparse: true`: only rows that have one are changed",
    .options = {{"lr", 1e-3, "learning rate, > 0", "number | Tensor"},
                {"betas", std::vector{0.9, 0.999},
                 "decay of the averages of the gradient and of its square, each in [0, 1)"},
                {"eps", 1e-8, "added to the denominator, > 0"},
                kMaximize},
    .keywords = {},
    .defaults = {"lr", "betas", "eps", "maximize"},
    .state = {"step", "exp_avg", "exp_avg_sq"},
    .older = {{"maximize", false, ""}},
    .tensor_step = false,
    .check = check,
    .check_params = check_params,
    .start = start,
    .single = single,
}};

}  // namespace libtorch_node
