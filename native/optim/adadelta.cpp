// torch.optim.Adadelta. Source: torch/optim/adadelta.py, _single_tensor_adadelta, _multi_tensor_adadelta, PyTorch 2.13
// (cf30153c).
#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_neg.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/view_as_complex.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "optim/implementation.h"

namespace libtorch_node {

namespace {

struct Options {
  explicit Options(const Values& group)
      : lr(group.real("lr")),
        rho(group.real("rho")),
        eps(group.real("eps")),
        weight_decay(group.real("weight_decay")),
        maximize(group.flag("maximize")),
        capturable(group.flag("capturable")),
        differentiable(group.flag("differentiable")) {}
  double lr, rho, eps, weight_decay;
  bool maximize, capturable, differentiable;
};

void check(const Values& o) {
  check_lr(o);
  if (!(o.real("rho") >= 0 && o.real("rho") <= 1)) refuse("Invalid rho value: " + o.print("rho"));
  if (!(o.real("eps") >= 0)) refuse("Invalid epsilon value: " + o.print("eps"));
  if (!(o.real("weight_decay") >= 0)) refuse("Invalid weight_decay value: " + o.print("weight_decay"));
}

void start(Group& group, Parameter& p) {
  const auto device = group.flag("capturable") ? p.value.device() : at::Device(at::kCPU);
  p.state.set("step", at::zeros({}, at::device(device).dtype(step_dtype(false))));
  p.state.set("square_avg", at::zeros_like(p.value, {}, at::MemoryFormat::Preserve));
  p.state.set("acc_delta", at::zeros_like(p.value, {}, at::MemoryFormat::Preserve));
}

void single(Group& group, const Parameters& parameters) {
  const Options o(group);
  if (o.capturable) {
    for (const auto* p : parameters) check_capturable(*p, {"step"}, "params and state_steps", /*xla=*/false);
  }
  for (auto* p : parameters) {
    p->state.tensor("step").add_(1);
    auto grad = o.maximize ? p->grad.neg() : p->grad;
    if (o.weight_decay != 0) grad = grad.add(p->value, o.weight_decay);
    grad = as_real(grad);
    auto square_avg = as_real(p->state.tensor("square_avg"));
    auto acc_delta = as_real(p->state.tensor("acc_delta"));
    group.multiply_(square_avg, o.rho);
    square_avg.addcmul_(grad, grad, 1 - o.rho);
    const auto deviation = square_avg.add(o.eps).sqrt_();
    auto delta = acc_delta.add(o.eps).sqrt_();
    if (o.differentiable) delta = delta.clone();
    delta.div_(deviation).mul_(grad);
    group.multiply_(acc_delta, o.rho);
    acc_delta.addcmul_(delta, delta, 1 - o.rho);
    p->value.add_(p->value.is_complex() ? at::view_as_complex(delta) : delta, -o.lr);
  }
}

void foreach (Group& group, const Parameters& parameters) {
  const Options o(group);
  check_foreach(parameters, o.capturable, o.differentiable);
  auto values = values_of(parameters);
  auto grads = grads_of(parameters);
  auto square_avgs = states_of(parameters, "square_avg");
  auto acc_deltas = states_of(parameters, "acc_delta");
  for (auto* list : {&values, &grads, &square_avgs, &acc_deltas}) as_real(*list);

  for (const auto* p : parameters) p->state.tensor("step").add_(1);
  if (o.maximize) grads = at::_foreach_neg(grads);
  if (o.weight_decay != 0) grads = at::_foreach_add(grads, values, o.weight_decay);
  at::_foreach_mul_(square_avgs, o.rho);
  at::_foreach_addcmul_(square_avgs, grads, grads, 1 - o.rho);
  auto deviations = at::_foreach_add(square_avgs, o.eps);
  at::_foreach_sqrt_(deviations);
  auto deltas = at::_foreach_add(acc_deltas, o.eps);
  at::_foreach_sqrt_(deltas);
  at::_foreach_div_(deltas, deviations);
  at::_foreach_mul_(deltas, grads);
  at::_foreach_mul_(acc_deltas, o.rho);
  at::_foreach_addcmul_(acc_deltas, deltas, deltas, 1 - o.rho);
  // nothing may be read from the device while a graph is captured
  if (o.capturable && group.at("lr").isTensor()) {
    at::_foreach_mul_(deltas, group.at("lr").toTensor().squeeze().neg());
    at::_foreach_add_(values, deltas);
  } else {
    at::_foreach_add_(values, deltas, -o.lr);
  }
}

}  // namespace

static const Registered<OptimizerRow> kAdadelta{{
    .name = "Adadelta",
    .doc = "Adadelta: steps scaled by running averages of squared gradients and of squared steps",
    .options = {{"lr", 1.0, "learning rate, ≥ 0", "number | Tensor"},
                {"rho", 0.9, "decay of both averages, in [0, 1]"},
                {"eps", 1e-6, "added under both roots, ≥ 0"},
                {"weight_decay", int64_t{0}, "L2 penalty, ≥ 0"},
                kForeach},
    .keywords = {kCapturable, kMaximize, kDifferentiable},
    .defaults = {"lr", "rho", "eps", "weight_decay", "maximize", "capturable", "foreach", "differentiable"},
    .state = {"step", "square_avg", "acc_delta"},
    .older = {{"foreach", {}, ""}, {"maximize", false, ""}, {"differentiable", false, ""}, {"capturable", false, ""}},
    .no_sparse = "Adadelta does not support sparse gradients",
    .check = check,
    .start = start,
    .single = single,
    .foreach = foreach,
}};

}  // namespace libtorch_node
