// torch.optim.Adagrad. Source: torch/optim/adagrad.py, _single_tensor_adagrad, _multi_tensor_adagrad, _fused_adagrad,
// PyTorch 2.13 (cf30153c).
#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_neg.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/_fused_adagrad.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/sparse_coo_tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "optim/implementation.h"

namespace libtorch_node {

namespace {

struct Options {
  explicit Options(const Values& group)
      : lr(group),
        lr_decay(group.real("lr_decay")),
        weight_decay(group.real("weight_decay")),
        eps(group.real("eps")),
        maximize(group.flag("maximize")),
        differentiable(group.flag("differentiable")) {}

  double rate(double count) const { return lr.over(1 + (count - 1) * lr_decay); }

  Rate lr;
  double lr_decay, weight_decay, eps;
  bool maximize, differentiable;
};

void check(const Values& o) {
  check_lr(o);
  check_at_least_zero(o, "lr_decay", "lr_decay value");
  check_at_least_zero(o, "weight_decay", "weight_decay value");
  check_at_least_zero(o, "initial_accumulator_value", "initial_accumulator_value value");
  check_at_least_zero(o, "eps", "epsilon value");
  check_fused(o);
}

void start(Group& group, Parameter& p) {
  const bool fused = group.flag("fused");
  const auto device = fused ? p.value.device() : at::Device(at::kCPU);
  p.state.set("step", at::zeros({}, at::device(device).dtype(step_dtype(fused))));
  const double first = group.defaults().real("initial_accumulator_value");
  const auto value = p.value.is_complex() ? at::Scalar(c10::complex<double>(first, first)) : at::Scalar(first);
  p.state.set("sum", at::full_like(p.value, value, {}, at::MemoryFormat::Preserve));
}

// Only what the gradient holds: the other sums and values stay.
void sparse(const Options& o, Parameter& p, at::Tensor grad, at::Tensor sum, double rate) {
  grad = grad.coalesce();  // the update is not linear: no index twice
  const auto like_grad = [&](const at::Tensor& values) {
    return at::sparse_coo_tensor(grad._indices(), values, grad.sizes());
  };
  sum.add_(like_grad(grad._values().pow(2)));
  const auto deviation = sum.sparse_mask(grad)._values().sqrt_().add_(o.eps);
  auto value = p.value;
  value.add_(like_grad(grad._values().div(deviation)), -rate);
}

void single(Group& group, const Parameters& parameters) {
  const Options o(group);
  for (auto* p : parameters) {
    const double rate = o.rate(count_step(p->state.tensor("step")));
    auto grad = o.maximize ? p->grad.neg() : p->grad;
    auto sum = p->state.tensor("sum");
    if (o.weight_decay != 0) {
      if (grad.is_sparse()) refuse("weight_decay option is not compatible with sparse gradients");
      grad = grad.add(p->value, o.weight_decay);
    }
    if (grad.is_sparse()) {
      sparse(o, *p, grad, sum, rate);
      continue;
    }
    grad = as_real(grad);
    sum = as_real(sum);
    auto value = as_real(p->value);
    sum.addcmul_(grad, grad, 1);
    auto deviation = sum.sqrt();
    if (o.differentiable) {
      deviation = deviation.add(o.eps);
    } else {
      group.add_(deviation, o.eps);
    }
    value.addcdiv_(grad, deviation, -rate);
  }
}

void foreach (Group& group, const Parameters& parameters) {
  const Options o(group);
  if (o.differentiable) refuse("_foreach ops don't support autograd");
  if (std::any_of(parameters.begin(), parameters.end(), [](auto* p) { return p->grad.is_sparse(); })) {
    return single(group, parameters);
  }
  auto values = values_of(parameters);
  auto grads = grads_of(parameters);
  auto sums = states_of(parameters, "sum");
  for (auto* list : {&values, &grads, &sums}) as_real(*list);
  if (o.maximize) grads = at::_foreach_neg(grads);
  std::vector<at::Scalar> rates;
  for (const auto* p : parameters) rates.emplace_back(-o.rate(count_step(p->state.tensor("step"))));
  if (o.weight_decay != 0) grads = at::_foreach_add(grads, values, o.weight_decay);
  at::_foreach_addcmul_(sums, grads, grads, 1);
  auto deviations = at::_foreach_sqrt(sums);
  at::_foreach_add_(deviations, o.eps);
  // in place or not as in Python: for narrow dtypes the two round the numbers differently
  if (o.weight_decay != 0 || o.maximize) {
    at::_foreach_mul_(grads, rates);
  } else {
    grads = at::_foreach_mul(grads, rates);
  }
  at::_foreach_addcdiv_(values, grads, deviations);
}

void fused(Group& group, const Parameters& parameters) {
  const Options o(group);
  if (std::any_of(parameters.begin(), parameters.end(),
                  [](auto* p) { return p->grad.is_sparse() || p->value.is_complex(); })) {
    refuse("`fused` does not support sparse grad or complex param");
  }
  if (o.differentiable) refuse("adagrad with fused=True does not support differentiable=True");
  const auto values = values_of(parameters);
  const auto grads = grads_of(parameters);
  const auto sums = states_of(parameters, "sum");
  const auto steps = states_of(parameters, "step");
  at::_foreach_add_(steps, 1);
  const auto device = values.front().device();
  const auto found_inf = group.scaling().found_inf_on(device);
  const auto run = [&](const auto& lr) {
    at::_fused_adagrad_(values, grads, sums, steps, lr, o.lr_decay, o.weight_decay, o.eps, o.maximize,
                        group.scaling().scale_on(device), found_inf);
  };
  const auto& lr = o.lr.tensor;
  if (!lr.defined()) {
    run(o.lr.number);
  } else {
    run(lr.is_cpu() ? lr : lr.to(device));
  }
  take_back_steps(steps, found_inf);
}

}  // namespace

static const Registered<OptimizerRow> kAdagrad{{
    .name = "Adagrad",
    .doc = "Adagrad: steps divided by the root of the sum of all squared gradients",
    .options = {{"lr", 1e-2, "learning rate, ≥ 0", "number | Tensor"},
                {"lr_decay", int64_t{0}, "decay of the rate: the n-th step is divided by 1 + (n - 1) · lrDecay"},
                {"weight_decay", int64_t{0}, "L2 penalty, ≥ 0"},
                {"initial_accumulator_value", int64_t{0}, "start of the sums of squares, ≥ 0"},
                {"eps", 1e-10, "added to the denominator, ≥ 0"},
                kForeach},
    .keywords = {kMaximize, kDifferentiable, kFused},
    .defaults = {"lr", "lr_decay", "eps", "weight_decay", "initial_accumulator_value", "foreach", "maximize",
                 "differentiable", "fused"},
    .state = {"step", "sum"},
    .older = {{"foreach", {}, ""}, {"maximize", false, ""}, {"differentiable", false, ""}, {"fused", {}, ""}},
    .check = check,
    .start = start,
    .starts_at_once = true,
    .single = single,
    .foreach = foreach,
    .fused = fused,
}};

}  // namespace libtorch_node
