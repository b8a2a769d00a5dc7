// torch.optim.ASGD. Source: torch/optim/asgd.py, _single_tensor_asgd, _multi_tensor_asgd, PyTorch 2.13 (cf30153c).
#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_maximum.h>
#include <ATen/ops/_foreach_neg.h>
#include <ATen/ops/_foreach_pow.h>
#include <ATen/ops/_foreach_reciprocal.h>
#include <ATen/ops/_foreach_sub.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "optim/implementation.h"

namespace libtorch_node {

namespace {

struct Options {
  explicit Options(const Values& group)
      : lr(group),
        lambd(group.real("lambd")),
        alpha(group.real("alpha")),
        t0(group.real("t0")),
        weight_decay(group.real("weight_decay")),
        maximize(group.flag("maximize")),
        capturable(group.flag("capturable")),
        differentiable(group.flag("differentiable")) {}

  // `lr / (1 + lambd * lr * step) ** alpha`
  at::Tensor eta(double step) const {
    if (lr.tensor.defined()) return lr.over(lr.tensor.mul(lambd).mul(step).add(1).pow(alpha));
    return number(lr.number / std::pow(1 + lambd * lr.number * step, alpha));
  }
  at::Tensor eta(const at::Tensor& step) const {
    const auto product = lr.tensor.defined() ? lr.tensor.mul(lambd).mul(step) : step.mul(lambd * lr.number);
    return lr.over(product.add(1).pow(alpha));
  }
  at::Tensor mu(double step) const { return number(1 / std::max(1.0, step - t0)); }

  // A number goes through the default dtype on its way to the state, which may have another one after loading.
  static at::Tensor number(double value) {
    return at::scalar_tensor(value, at::device(at::kCPU).dtype(step_dtype(false)));
  }

  Rate lr;
  double lambd, alpha, t0, weight_decay;
  bool maximize, capturable, differentiable;
};

void check(const Values& o) {
  check_lr(o);
  check_at_least_zero(o, "weight_decay", "weight_decay value");
}

void start(Group& group, Parameter& p) {
  const auto scalar = at::device(p.value.device()).dtype(step_dtype(false));
  p.state.set("step", at::zeros({}, scalar));
  p.state.set("eta", at::scalar_tensor(group.real("lr"), scalar));
  p.state.set("mu", at::ones({}, scalar));
  p.state.set("ax", at::zeros_like(p.value, {}, at::MemoryFormat::Preserve));
}

void single(Group& group, const Parameters& parameters) {
  const Options o(group);
  for (auto* p : parameters) {
    if (o.capturable) check_capturable(*p, {"mu", "eta", "step"}, "params, mus, etas, and state_steps");
    auto value = as_real(p->value);
    auto grad = as_real(o.maximize ? p->grad.neg() : p->grad);
    auto ax = as_real(p->state.tensor("ax"));
    auto mu = p->state.tensor("mu");
    auto eta = p->state.tensor("eta");
    auto step = p->state.tensor("step");
    double count = 0;
    if (o.capturable) {
      step.add_(1);
    } else {
      count = count_step(step);
    }
    if (o.weight_decay != 0) grad = grad.add(value, o.weight_decay);
    if (o.capturable) {
      value.mul_(at::rsub(eta.mul(o.lambd), 1));
      value.addcmul_(grad, eta, -1);
      ax.add_(value.sub(ax).mul_(mu));
      eta.copy_(o.eta(step));
      mu.copy_(at::maximum(step.sub(o.t0), at::ones_like(step)).reciprocal());
      continue;
    }
    const double eta_value = eta.item().toDouble();
    group.multiply_(value, 1 - o.lambd * eta_value);
    value.add_(grad, -eta_value);
    if (mu.item().toDouble() != 1) {
      ax.add_(value.sub(ax).mul_(mu));
    } else {
      ax.copy_(value);
    }
    eta.copy_(o.eta(count));
    mu.copy_(o.mu(count));
  }
}

// The next step's factors, all in tensors.
void next_in_tensors(const Options& o, const std::vector<at::Tensor>& steps, const std::vector<at::Tensor>& etas,
                     const std::vector<at::Tensor>& mus) {
  at::_foreach_add_(steps, 1);
  const auto new_mus = at::_foreach_sub(steps, o.t0);
  at::_foreach_maximum_(new_mus, 1.0);
  at::_foreach_reciprocal_(new_mus);
  at::_foreach_copy_(mus, new_mus);
  const auto new_etas = at::_foreach_mul(steps, o.lambd);
  o.lr.multiply_(new_etas);
  at::_foreach_add_(new_etas, 1);
  at::_foreach_pow_(new_etas, o.alpha);
  at::_foreach_reciprocal_(new_etas);
  o.lr.multiply_(new_etas);
  at::_foreach_copy_(etas, new_etas);
}

void foreach (Group& group, const Parameters& parameters) {
  const Options o(group);
  check_foreach(parameters, o.capturable, o.differentiable, {"mu", "eta", "step"},
                "params, mus, etas, and state_steps");
  auto values = values_of(parameters);
  auto grads = grads_of(parameters);
  auto axs = states_of(parameters, "ax");
  const auto mus = states_of(parameters, "mu");
  const auto etas = states_of(parameters, "eta");
  for (auto* list : {&values, &grads, &axs}) as_real(*list);
  if (o.maximize) grads = at::_foreach_neg(grads);
  if (o.weight_decay != 0) grads = at::_foreach_add(grads, values, o.weight_decay);
  const auto directions = at::_foreach_add(grads, values, o.lambd);
  at::_foreach_addcmul_(values, directions, etas, -1);
  at::_foreach_addcmul_(axs, at::_foreach_sub(values, axs), mus);
  if (o.capturable) {
    next_in_tensors(o, states_of(parameters, "step"), etas, mus);
    return;
  }
  // Python has the number of the step as a tensor in one of these, and as a number in the other.
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto step = parameters[i]->state.tensor("step");
    const double count = count_step(step);
    etas[i].copy_(o.eta(step));
    mus[i].copy_(o.mu(count));
  }
}

}  // namespace

static const Registered<OptimizerRow> kAsgd{{
    .name = "ASGD",
    .doc = "Averaged stochastic gradient descent; the average is in the state, as `ax`",
    .options = {{"lr", 1e-2, "learning rate, ≥ 0", "number | Tensor"},
                {"lambd", 1e-4, "decay term"},
                {"alpha", 0.75, "power of the decay of the rate"},
                {"t0", 1e6, "step at which averaging begins"},
                {"weight_decay", int64_t{0}, "weight decay, ≥ 0"},
                kForeach,
                kMaximize,
                kDifferentiable,
                kCapturable},
    .keywords = {},
    .defaults = {"lr", "lambd", "alpha", "t0", "weight_decay", "foreach", "maximize", "differentiable", "capturable"},
    .state = {"step", "eta", "mu", "ax"},
    .older = {{"foreach", {}, ""}, {"maximize", false, ""}, {"differentiable", false, ""}, {"capturable", false, ""}},
    .no_sparse = "ASGD does not support sparse gradients",
    .check = check,
    .start = start,
    .single = single,
    .foreach = foreach,
}};

}  // namespace libtorch_node
