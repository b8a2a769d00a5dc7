// torch.optim.Rprop. Source: torch/optim/rprop.py, _single_tensor_rprop, _multi_tensor_rprop, PyTorch 2.13 (cf30153c).
#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_neg.h>
#include <ATen/ops/_foreach_sign.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "optim/implementation.h"

namespace libtorch_node {

namespace {

struct Options {
  explicit Options(const Values& group)
      : minus(group.real("etas", 0)),
        plus(group.real("etas", 1)),
        smallest(group.real("step_sizes", 0)),
        largest(group.real("step_sizes", 1)),
        maximize(group.flag("maximize")),
        capturable(group.flag("capturable")),
        differentiable(group.flag("differentiable")) {}

  // From the sign of the product of two gradients to the factor of the step size.
  void to_factor(at::Tensor& sign) const {
    sign.masked_fill_(sign.gt(0), plus);
    sign.masked_fill_(sign.lt(0), minus);
    sign.masked_fill_(sign.eq(0), 1);
  }

  double minus, plus, smallest, largest;
  bool maximize, capturable, differentiable;
};

void check(const Values& o) {
  check_lr(o);
  const double minus = o.real("etas", 0), plus = o.real("etas", 1);
  if (!(0 < minus && minus < 1 && 1 < plus)) {
    refuse("Invalid eta values: " + print_number(minus, /*as_float=*/true) + ", " +
           print_number(plus, /*as_float=*/true));
  }
}

void start(Group& group, Parameter& p) {
  const auto device = group.flag("capturable") ? p.value.device() : at::Device(at::kCPU);
  p.state.set("step", at::zeros({}, at::device(device).dtype(step_dtype(false))));
  p.state.set("prev", at::zeros_like(p.value, {}, at::MemoryFormat::Preserve));
  const double lr = group.real("lr");
  // a complex number is two independent real ones, each with its own step size
  const auto size = p.value.is_complex() ? at::Scalar(c10::complex<double>(lr, lr)) : at::Scalar(lr);
  p.state.set("step_size", at::full_like(p.grad, size));
}

void single(Group& group, const Parameters& parameters) {
  const Options o(group);
  for (auto* p : parameters) {
    if (o.capturable) check_capturable(*p, {"step"}, "params and state_steps");
    auto step = p->state.tensor("step");
    step.add_(1);
    auto value = as_real(p->value);
    auto grad = as_real(o.maximize ? p->grad.neg() : p->grad);
    auto prev = as_real(p->state.tensor("prev"));
    auto step_size = as_real(p->state.tensor("step_size"));
    auto factor = grad.mul(o.differentiable ? prev.clone() : prev).sign();
    o.to_factor(factor);
    step_size.mul_(factor).clamp_(o.smallest, o.largest);
    // where the sign turned, this step stands still
    grad = grad.clone(at::MemoryFormat::Preserve);
    grad.masked_fill_(factor.eq(o.minus), 0);
    value.addcmul_(grad.sign(), step_size, -1);
    prev.copy_(grad);
  }
}

void foreach (Group& group, const Parameters& parameters) {
  const Options o(group);
  check_foreach(parameters, o.capturable, o.differentiable, {"step"}, "params and state_steps", /*xla=*/true);
  auto values = values_of(parameters);
  auto grads = grads_of(parameters);
  auto prevs = states_of(parameters, "prev");
  auto step_sizes = states_of(parameters, "step_size");
  for (const auto* p : parameters) p->state.tensor("step").add_(1);
  for (auto* list : {&values, &grads, &prevs, &step_sizes}) as_real(*list);
  auto factors = at::_foreach_mul(grads, prevs);
  if (o.maximize) at::_foreach_neg_(factors);
  at::_foreach_copy_(prevs, grads);
  if (o.maximize) at::_foreach_neg_(prevs);
  at::_foreach_sign_(factors);
  for (auto& factor : factors) o.to_factor(factor);
  at::_foreach_mul_(step_sizes, factors);
  std::vector<at::Tensor> signs;
  for (size_t i = 0; i < values.size(); ++i) {
    step_sizes[i].clamp_(o.smallest, o.largest);
    prevs[i].masked_fill_(factors[i].eq(o.minus), 0);
    signs.push_back(prevs[i].sign());
  }
  at::_foreach_addcmul_(values, signs, step_sizes, -1);
}

}  // namespace

static const Registered<OptimizerRow> kRprop{{
    .name = "Rprop",
    .doc = "Resilient backpropagation: steps follow the signs of the gradients, with a size for each element",
    .options = {{"lr", 1e-2, "first step size, ≥ 0", "number | Tensor"},
                {"etas", std::vector{0.5, 1.2}, "factors of the step size: below 1 where the sign turns, else above 1"},
                {"step_sizes", std::vector{1e-6, 50.0}, "smallest and largest step size"}},
    .keywords = {kCapturable, kForeach, kMaximize, kDifferentiable},
    .defaults = {"lr", "etas", "step_sizes", "foreach", "maximize", "differentiable", "capturable"},
    .ints = {{"step_sizes", 1}},
    .state = {"step", "prev", "step_size"},
    .older = {{"foreach", {}, ""}, {"maximize", false, ""}, {"differentiable", false, ""}, {"capturable", false, ""}},
    .no_sparse = "Rprop does not support sparse gradients",
    .check = check,
    .start = start,
    .single = single,
    .foreach = foreach,
}};

}  // namespace libtorch_node
