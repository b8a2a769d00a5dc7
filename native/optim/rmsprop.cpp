// torch.optim.RMSprop. Source: torch/optim/rmsprop.py, _single_tensor_rmsprop, _multi_tensor_rmsprop, PyTorch 2.13
// (cf30153c).
#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_neg.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "optim/implementation.h"

namespace libtorch_node {

namespace {

struct Options {
  explicit Options(const Values& group)
      : lr(group.real("lr")),
        alpha(group.real("alpha")),
        eps(group.real("eps")),
        weight_decay(group.real("weight_decay")),
        momentum(group.real("momentum")),
        centered(group.flag("centered")),
        maximize(group.flag("maximize")),
        capturable(group.flag("capturable")),
        differentiable(group.flag("differentiable")) {}
  double lr, alpha, eps, weight_decay, momentum;
  bool centered, maximize, capturable, differentiable;
};

void check(const Values& o) {
  check_lr(o);
  if (!(o.real("eps") >= 0)) refuse("Invalid epsilon value: " + o.print("eps"));
  if (!(o.real("momentum") >= 0)) refuse("Invalid momentum value: " + o.print("momentum"));
  if (!(o.real("weight_decay") >= 0)) refuse("Invalid weight_decay value: " + o.print("weight_decay"));
  if (!(o.real("alpha") >= 0)) refuse("Invalid alpha value: " + o.print("alpha"));
}

void start(Group& group, Parameter& p) {
  const auto zeros = [&] { return at::zeros_like(p.value, {}, at::MemoryFormat::Preserve); };
  const auto device = group.flag("capturable") ? p.value.device() : at::Device(at::kCPU);
  p.state.set("step", at::zeros({}, at::device(device).dtype(step_dtype(false))));
  p.state.set("square_avg", zeros());
  if (group.real("momentum") > 0) p.state.set("momentum_buffer", zeros());
  if (group.flag("centered")) p.state.set("grad_avg", zeros());
}

void single(Group& group, const Parameters& parameters) {
  const Options o(group);
  for (auto* p : parameters) {
    if (o.capturable) check_capturable(*p);
    auto grad = o.maximize ? p->grad.neg() : p->grad;
    auto square_avg = as_real(p->state.tensor("square_avg"));
    p->state.tensor("step").add_(1);
    if (o.weight_decay != 0) grad = grad.add(p->value, o.weight_decay);
    grad = as_real(grad);
    auto value = as_real(p->value);
    group.multiply_(square_avg, o.alpha);
    square_avg.addcmul_(grad, grad, 1 - o.alpha);
    at::Tensor average;
    if (o.centered) {
      auto grad_avg = as_real(p->state.tensor("grad_avg"));
      grad_avg.lerp_(grad, 1 - o.alpha);
      average = square_avg.addcmul(grad_avg, grad_avg, -1).sqrt_();
    } else {
      average = square_avg.sqrt();
    }
    if (o.differentiable) {
      average = average.add(o.eps);
    } else {
      group.add_(average, o.eps);
    }
    if (o.momentum > 0) {
      auto buffer = as_real(p->state.tensor("momentum_buffer"));
      group.multiply_(buffer, o.momentum);
      buffer.addcdiv_(grad, average);
      value.add_(buffer, -o.lr);
    } else {
      value.addcdiv_(grad, average, -o.lr);
    }
  }
}

void foreach (Group& group, const Parameters& parameters) {
  const Options o(group);
  check_foreach(parameters, o.capturable, o.differentiable, {"step"}, "params and state_steps", /*xla=*/true);
  auto values = values_of(parameters);
  auto grads = grads_of(parameters);
  auto square_avgs = states_of(parameters, "square_avg");
  std::vector<at::Tensor> buffers, grad_avgs;
  if (o.momentum > 0) buffers = states_of(parameters, "momentum_buffer");
  if (o.centered) grad_avgs = states_of(parameters, "grad_avg");
  for (auto* list : {&values, &grads, &square_avgs, &buffers, &grad_avgs}) as_real(*list);

  if (o.maximize) grads = at::_foreach_neg(grads);
  for (const auto* p : parameters) p->state.tensor("step").add_(1);
  if (o.weight_decay != 0) grads = at::_foreach_add(grads, values, o.weight_decay);
  at::_foreach_mul_(square_avgs, o.alpha);
  at::_foreach_addcmul_(square_avgs, grads, grads, 1 - o.alpha);
  std::vector<at::Tensor> averages;
  if (o.centered) {
    at::_foreach_lerp_(grad_avgs, grads, 1 - o.alpha);
    averages = at::_foreach_addcmul(square_avgs, grad_avgs, grad_avgs, -1);
    at::_foreach_sqrt_(averages);
  } else {
    averages = at::_foreach_sqrt(square_avgs);
  }
  at::_foreach_add_(averages, o.eps);

  // nothing may be read from the device while a graph is captured
  const auto& lr = group.at("lr");
  const bool on_device = o.capturable && lr.isTensor();
  const auto minus_lr = on_device ? lr.toTensor().squeeze().neg() : at::Tensor();
  if (o.momentum > 0) {
    at::_foreach_mul_(buffers, o.momentum);
    at::_foreach_addcdiv_(buffers, grads, averages);
    if (on_device) {
      at::_foreach_add_(values, at::_foreach_mul(buffers, minus_lr));
    } else {
      at::_foreach_add_(values, buffers, -o.lr);
    }
  } else if (on_device) {
    at::_foreach_div_(averages, minus_lr);
    at::_foreach_addcdiv_(values, grads, averages);
  } else {
    at::_foreach_addcdiv_(values, grads, averages, -o.lr);
  }
}

}  // namespace

static const Registered<OptimizerRow> kRmsprop{{
    .name = "RMSprop",
    .doc = "RMSprop: steps divided by the root of a running average of squared gradients",
    .options = {{"lr", 1e-2, "learning rate, ≥ 0", "number | Tensor"},
                {"alpha", 0.99, "decay of the average of squares, ≥ 0"},
                {"eps", 1e-8, "added to the denominator, ≥ 0"},
                {"weight_decay", int64_t{0}, "L2 penalty, ≥ 0"},
                {"momentum", int64_t{0}, "momentum factor, ≥ 0"},
                {"centered", false, "divide by an estimate of the gradient's deviation"},
                kCapturable,
                kForeach,
                kMaximize,
                kDifferentiable},
    .keywords = {},
    .defaults = {"lr", "momentum", "alpha", "eps", "centered", "weight_decay", "capturable", "foreach", "maximize",
                 "differentiable"},
    .state = {"step", "square_avg", "momentum_buffer", "grad_avg"},
    .older = {{"momentum", int64_t{0}, ""},
              {"centered", false, ""},
              {"foreach", {}, ""},
              {"maximize", false, ""},
              {"differentiable", false, ""},
              {"capturable", false, ""}},
    .no_sparse = "RMSprop does not support sparse gradients",
    .check = check,
    .start = start,
    .single = single,
    .foreach = foreach,
}};

}  // namespace libtorch_node
