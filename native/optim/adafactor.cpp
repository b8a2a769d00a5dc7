// torch.optim.Adafactor. Source: torch/optim/_adafactor.py, _single_tensor_adafactor, _multi_tensor_adafactor, PyTorch
// 2.13 (cf30153c).
#include <ATen/Dispatch.h>
#include <ATen/core/Tensor.h>
#include <ATen/native/ForeachUtils.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_clamp_min.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_neg.h>
#include <ATen/ops/_foreach_rsqrt.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <limits>

#include "optim/implementation.h"

namespace libtorch_node {

namespace {

struct Options {
  explicit Options(const Values& group)
      : lr(group),
        beta2_decay(group.real("beta2_decay")),
        eps1(group.real_or_none("eps", 0)),
        eps2(group.real_or_none("eps", 1).value_or(0)),
        d(group.real("d")),
        weight_decay(group.real("weight_decay")),
        maximize(group.flag("maximize")) {}

  /** That of the first parameter's dtype holds for all others of the step, as in Python. */
  double least(c10::ScalarType dtype) {
    if (!eps1) {
      eps1 = AT_DISPATCH_FLOATING_TYPES_AND2(at::kHalf, at::kBFloat16, dtype, "eps", [] {
        return static_cast<double>(std::numeric_limits<scalar_t>::epsilon());
      });
    }
    return *eps1;
  }

  Rate lr;
  double beta2_decay;
  std::optional<double> eps1;
  double eps2, d, weight_decay;
  bool maximize;
};

void check(const Values& o) {
  const auto& lr = o.at("lr");
  if (lr.isTensor() && lr.toTensor().numel() != 1) refuse("Tensor lr must be 1-element");
  const auto wrong = [](const char* what, const std::string& number) { refuse(what + (" but is: " + number)); };
  if (!(o.real("lr") >= 0)) wrong("Learning rate should be >= 0", o.print("lr"));
  if (!(o.real("beta2_decay") <= 0)) wrong("beta2_decay should be <= 0", o.print("beta2_decay"));
  const auto eps1 = o.real_or_none("eps", 0), eps2 = o.real_or_none("eps", 1);
  if (eps1 && !(*eps1 >= 0)) wrong("epsilon1 should be >= 0", print_number(*eps1));
  if (!eps2) refuse("eps[1] must be a number");
  if (!(*eps2 >= 0)) wrong("epsilon2 should be >= 0", print_number(*eps2));
  if (!(o.real("d") >= 1)) wrong("Clipping threshold d should be >= 1", o.print("d"));
  if (!(o.real("weight_decay") >= 0)) wrong("weight_decay should be >= 0", o.print("weight_decay"));
}

void check_real(const Parameter& p) {
  if (p.value.is_complex()) refuse("Adafactor does not support complex parameters");
}

at::Tensor zeros_with(const at::Tensor& grad, int64_t dim) {
  auto shape = grad.sizes().vec();
  shape[shape.size() + dim] = 1;
  return at::zeros(shape, grad.options());
}

void start(Group&, Parameter& p) {
  check_real(p);
  p.state.set("step", at::zeros({}, at::dtype(step_dtype(/*fused=*/false))));
  if (p.grad.dim() > 1) {
    p.state.set("row_var", zeros_with(p.grad, -1));
    p.state.set("col_var", zeros_with(p.grad, -2));
  } else {
    p.state.set("variance", at::zeros_like(p.grad, {}, at::MemoryFormat::Preserve));
  }
}

double norm_of(const at::Tensor& t) { return at::linalg_vector_norm(t).item().toDouble(); }
at::Tensor norm_along(const at::Tensor& t, int64_t dim) {
  return at::linalg_vector_norm(t, 2, at::IntArrayRef{dim}, /*keepdim=*/true);
}

// Root of the mean square.
double rms(const at::Tensor& t, double divisor = 1) {
  const double root = std::pow(static_cast<double>(t.numel()), 0.5) * divisor;
  if (root == 0) refuse("float division by zero");
  return norm_of(t) / root;
}

// What the update of a parameter is multiplied with, but for clipping. With a tensor as rate it may be one.
struct Step {
  Step(const Options& o, const at::Tensor& value, double count) {
    const double relative = 1 / std::pow(count, 0.5);
    const double size = rms(value);
    const double scale = size > o.eps2 ? size : o.eps2;
    if (!o.lr.tensor.defined()) {
      number = scale * (relative < o.lr.number ? relative : o.lr.number);
    } else if (o.lr.tensor.gt(relative).item().toBool()) {
      number = scale * relative;
    } else {
      tensor = o.lr.tensor.mul(scale);
    }
  }

  double clipped(const Options& o, const at::Tensor& update) const {
    const double size = rms(update, o.d);
    const double divisor = size > 1 ? size : 1;
    return tensor.defined() ? tensor.neg().div(divisor).item().toDouble() : -number / divisor;
  }

  double number = 0;
  at::Tensor tensor;
};

void single(Options& o, Group& group, const Parameters& parameters) {
  for (auto* p : parameters) {
    const auto grad = o.maximize ? p->grad.neg() : p->grad;
    auto value = p->value;
    const double eps1 = o.least(value.scalar_type());
    const double count = count_step(p->state.tensor("step"));
    const double weight = std::pow(count, o.beta2_decay);
    const Step step(o, value, count);
    if (o.weight_decay != 0) o.lr.decay_(value, o.weight_decay, group);

    at::Tensor estimate;
    if (grad.dim() > 1) {
      auto row_var = p->state.tensor("row_var"), col_var = p->state.tensor("col_var");
      row_var.lerp_(norm_along(grad, -1).square_().div_(grad.size(-1)), weight);
      col_var.lerp_(norm_along(grad, -2).square_().div_(grad.size(-2)), weight);
      estimate = at::matmul(row_var, col_var);
      estimate.div_(row_var.mean(at::IntArrayRef{-2}, /*keepdim=*/true).clamp_min_(eps1));
    } else {
      auto variance = p->state.tensor("variance");
      variance.lerp_(grad * grad, weight);
      estimate = variance.clone();
    }
    const auto update = estimate.clamp_min_(eps1 * eps1).rsqrt_().mul_(grad);
    value.add_(update, step.clipped(o, update));
  }
}

std::vector<at::Tensor> mean_squares(const std::vector<at::Tensor>& grads, int64_t dim) {
  std::vector<at::Tensor> means;
  std::vector<at::Scalar> sizes;
  for (const auto& grad : grads) {
    means.push_back(norm_along(grad, dim));
    sizes.emplace_back(grad.size(dim));
  }
  at::_foreach_mul_(means, means);
  at::_foreach_div_(means, sizes);
  return means;
}

// Parameters of one device and dtype: all of them matrices, or all of them vectors.
void foreach_part(Options& o, const Parameters& parameters) {
  const auto values = values_of(parameters);
  const double eps1 = o.least(values.front().scalar_type());
  auto grads = grads_of(parameters);
  if (o.maximize) grads = at::_foreach_neg(grads);
  std::vector<at::Scalar> weights;
  std::vector<Step> steps;
  for (auto* p : parameters) {
    const double count = count_step(p->state.tensor("step"));
    weights.emplace_back(std::pow(count, o.beta2_decay));
    steps.emplace_back(o, p->value, count);
  }
  if (o.weight_decay != 0) o.lr.decay_(values, o.weight_decay);

  std::vector<at::Tensor> updates;
  if (grads.front().dim() > 1) {
    const auto row_vars = states_of(parameters, "row_var"), col_vars = states_of(parameters, "col_var");
    at::_foreach_lerp_(row_vars, mean_squares(grads, -1), weights);
    at::_foreach_lerp_(col_vars, mean_squares(grads, -2), weights);
    std::vector<at::Tensor> means;
    for (size_t i = 0; i < row_vars.size(); ++i) {
      updates.push_back(at::matmul(row_vars[i], col_vars[i]));
      means.push_back(row_vars[i].mean(at::IntArrayRef{-2}, /*keepdim=*/true));
    }
    at::_foreach_clamp_min_(means, eps1);
    at::_foreach_div_(updates, means);
  } else {
    const auto variances = states_of(parameters, "variance");
    at::_foreach_lerp_(variances, at::_foreach_mul(grads, grads), weights);
    for (const auto& variance : variances) updates.push_back(variance.clone());
  }
  at::_foreach_clamp_min_(updates, eps1 * eps1);
  at::_foreach_rsqrt_(updates);
  at::_foreach_mul_(updates, grads);
  std::vector<at::Scalar> factors;
  for (size_t i = 0; i < updates.size(); ++i) factors.emplace_back(steps[i].clipped(o, updates[i]));
  at::_foreach_mul_(updates, factors);
  at::_foreach_add_(values, updates);
}

// The order of the dtypes decides whose eps is taken: the grouping is ATen's own, as Python's.
void foreach (Options& o, const Parameters& parameters) {
  std::vector<std::optional<at::Tensor>> values;
  for (const auto* p : parameters) values.emplace_back(p->value);
  for (const auto& [kind, group] : at::native::_group_tensors_by_first_tensors_device_and_dtype({values}, true)) {
    Parameters matrices, vectors;
    bool matrices_first = true;
    for (const auto index : group.second) {
      auto* p = parameters[index];
      if (matrices.empty() && vectors.empty()) matrices_first = p->grad.dim() > 1;
      (p->grad.dim() > 1 ? matrices : vectors).push_back(p);
    }
    for (const auto* part : {matrices_first ? &matrices : &vectors, matrices_first ? &vectors : &matrices}) {
      if (!part->empty()) foreach_part(o, *part);
    }
  }
}

// Foreach only where it is asked for, also on accelerators: it needs more memory. So this is the only implementation
// that the base knows of.
void step(Group& group, const Parameters& parameters) {
  for (auto* p : parameters) check_real(*p);
  Options o(group);
  if (group.flag("foreach")) {
    foreach (o, parameters);
  } else {
    single(o, group, parameters);
  }
}

}  // namespace

static const Registered<OptimizerRow> kAdafactor{{
    .name = "Adafactor",
    .doc = "Adafactor: Adam's scaling from one average per row and column of a matrix, which takes little memory",
    .options = {{"lr", 1e-2, "rate of weight decay, and largest relative step, ≥ 0", "number | Tensor"},
                {"beta2_decay", -0.8, "power of the step count that new squares are weighted with, ≤ 0"},
                {"eps", std::vector<std::optional<double>>{std::nullopt, 1e-3},
                 "least root of an average, `null`: that of the dtype; and least size of a parameter",
                 "[number | null, number]"},
                {"d", 1.0, "size from which updates are clipped, ≥ 1"},
                {"weight_decay", 0.0, "decoupled weight decay, ≥ 0"}},
    .keywords = {{"foreach", {}, "one call for all parameters, which takes more memory", "boolean | null"}, kMaximize},
    .defaults = {"lr", "beta2_decay", "eps", "d", "weight_decay", "foreach", "maximize"},
    .state = {"step", "row_var", "col_var", "variance"},
    .older = {{"foreach", {}, ""}},
    .no_sparse = "Adafactor does not support sparse gradients",
    .check = check,
    .start = start,
    .single = step,
}};

}  // namespace libtorch_node
