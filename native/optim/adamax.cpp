// torch.optim.Adamax. Source: torch/optim/adamax.py, _single_tensor_adamax, _multi_tensor_adamax, PyTorch 2.13
// (cf30153c).
#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_abs.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_maximum.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_neg.h>
#include <ATen/ops/_foreach_pow.h>
#include <ATen/ops/_foreach_sub.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/item.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

#include "optim/implementation.h"

namespace libtorch_node {

namespace {

struct Options {
  explicit Options(const Values& group)
      : lr(group.real("lr")),
        beta1(group.real("betas", 0)),
        beta2(group.real("betas", 1)),
        eps(group.real("eps")),
        weight_decay(group.real("weight_decay")),
        maximize(group.flag("maximize")),
        capturable(group.flag("capturable")),
        differentiable(group.flag("differentiable")) {
    if (group.at("lr").isTensor()) lr_tensor = group.at("lr").toTensor().squeeze();
  }
  double lr, beta1, beta2, eps, weight_decay;
  bool maximize, capturable, differentiable;
  at::Tensor lr_tensor;
};

void check(const Values& o) {
  check_lr(o);
  if (!(o.real("eps") >= 0)) refuse("Invalid epsilon value: " + o.print("eps"));
  for (size_t i = 0; i < 2; ++i) {
    const double beta = o.real("betas", i);
    if (!(beta >= 0 && beta < 1)) {
      refuse("Invalid beta parameter at index " + std::to_string(i) + ": " + print_number(beta, /*as_float=*/true));
    }
  }
  if (!(o.real("weight_decay") >= 0)) refuse("Invalid weight_decay value: " + o.print("weight_decay"));
}

void start(Group& group, Parameter& p) {
  const auto device = group.flag("capturable") ? p.value.device() : at::Device(at::kCPU);
  p.state.set("step", at::zeros({}, at::device(device).dtype(step_dtype(false))));
  p.state.set("exp_avg", at::zeros_like(p.value, {}, at::MemoryFormat::Preserve));
  p.state.set("exp_inf", at::zeros_like(p.value, {}, at::MemoryFormat::Preserve));
}

void single(Group& group, const Parameters& parameters) {
  const Options o(group);
  for (auto* p : parameters) {
    if (o.capturable) check_capturable(*p);
    const auto step = p->state.tensor("step");
    auto grad = o.maximize ? p->grad.neg() : p->grad;
    step.add_(1);
    if (o.weight_decay != 0) grad = grad.add(p->value, o.weight_decay);
    grad = as_real(grad);
    auto value = as_real(p->value);
    auto exp_avg = as_real(p->state.tensor("exp_avg"));
    auto exp_inf = as_real(p->state.tensor("exp_inf"));
    exp_avg.lerp_(grad, 1 - o.beta1);
    group.multiply_(exp_inf, o.beta2);
    auto size = grad.abs();
    group.add_(size, o.eps);
    if (o.differentiable) {
      exp_inf.copy_(at::amax(at::cat({exp_inf.unsqueeze(0), size.unsqueeze(0)}, 0), 0, false));
    } else {
      at::maximum_out(exp_inf, exp_inf, size);
    }
    if (o.capturable) {
      auto correction = at::pow(o.beta1, step).sub(1);
      if (o.lr_tensor.defined()) {
        correction.div_(o.lr_tensor);
      } else {
        correction.div_(o.lr);
      }
      value.addcdiv_(exp_avg, exp_inf.mul(correction));
      continue;
    }
    const double correction = 1 - std::pow(o.beta1, step.item().toDouble());
    // with a tensor as rate Python divides in its dtype
    const double rate = o.lr_tensor.defined() ? o.lr_tensor.div(correction).item().toDouble() : o.lr / correction;
    value.addcdiv_(exp_avg, exp_inf, -rate);
  }
}

void foreach (Group& group, const Parameters& parameters) {
  const Options o(group);
  check_foreach(parameters, o.capturable, o.differentiable);
  auto values = values_of(parameters);
  auto grads = grads_of(parameters);
  auto exp_avgs = states_of(parameters, "exp_avg");
  auto exp_infs = states_of(parameters, "exp_inf");
  const auto counts = states_of(parameters, "step");
  for (auto* list : {&values, &grads, &exp_avgs, &exp_infs}) as_real(*list);

  if (o.maximize) grads = at::_foreach_neg(grads);
  for (auto step : counts) step.add_(1);
  if (o.weight_decay != 0) grads = at::_foreach_add(grads, values, o.weight_decay);
  at::_foreach_lerp_(exp_avgs, grads, 1 - o.beta1);
  at::_foreach_mul_(exp_infs, o.beta2);
  grads = at::_foreach_abs(grads);
  at::_foreach_add_(grads, o.eps);
  at::_foreach_maximum_(exp_infs, grads);
  if (o.capturable) {
    auto corrections = at::_foreach_pow(at::Scalar(o.beta1), counts);
    at::_foreach_sub_(corrections, 1);
    if (o.lr_tensor.defined()) {
      at::_foreach_div_(corrections, o.lr_tensor);
    } else {
      at::_foreach_div_(corrections, o.lr);
    }
    at::_foreach_addcdiv_(values, exp_avgs, at::_foreach_mul(exp_infs, corrections));
    return;
  }
  std::vector<at::Scalar> sizes;
  for (const auto& step : counts) sizes.emplace_back(-(o.lr / (1 - std::pow(o.beta1, step.item().toDouble()))));
  at::_foreach_addcdiv_(values, exp_avgs, exp_infs, sizes);
}

}  // namespace

static const Registered<OptimizerRow> kAdamax{{
    .name = "Adamax",
    .doc = "Adamax: Adam with the largest decayed gradient in place of the average of squares",
    .options = {{"lr", 2e-3, "learning rate, ≥ 0", "number | Tensor"},
                {"betas", std::vector{0.9, 0.999}, "decay of the average and of the largest gradient, each in [0, 1)"},
                {"eps", 1e-8, "added to the size of the gradient, ≥ 0"},
                {"weight_decay", int64_t{0}, "L2 penalty, ≥ 0"},
                kForeach},
    .keywords = {kMaximize, kDifferentiable, kCapturable},
    .defaults = {"lr", "betas", "eps", "weight_decay", "foreach", "maximize", "differentiable", "capturable"},
    .state = {"step", "exp_avg", "exp_inf"},
    .older = {{"foreach", {}, ""}, {"maximize", false, ""}, {"differentiable", false, ""}, {"capturable", false, ""}},
    .no_sparse = "Adamax does not support sparse gradients",
    .check = check,
    .start = start,
    .single = single,
    .foreach = foreach,
}};

}  // namespace libtorch_node
