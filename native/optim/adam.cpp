// torch.optim.Adam. Source: torch/optim/adam.py, _single_tensor_adam, _multi_tensor_adam, _fused_adam, PyTorch 2.13
// (cf30153c).
#include "optim/adam.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_maximum.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_neg.h>
#include <ATen/ops/_foreach_pow.h>
#include <ATen/ops/_foreach_reciprocal.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/_foreach_sub.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/item.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/rsub.h>
#include <ATen/ops/square.h>
#include <ATen/ops/view_as_real.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

namespace libtorch_node {

namespace adam {

namespace {

/** One of the decays: a number, or a tensor, with which Python does its arithmetic in the dtype of that tensor. */
struct Beta {
  Beta(const Values& group, size_t index) : number(group.real("betas", index)) {
    const auto& betas = group.at("betas");
    if (!betas.isDoubleList()) tensor = betas.toListRef()[index].toTensor().squeeze();
  }

  /** `1 - beta` */
  at::Scalar rest() const { return tensor.defined() ? at::rsub(tensor, 1).item() : at::Scalar(1 - number); }
  /** `1 - beta ** step` for a count as a tensor */
  at::Tensor correction(const at::Tensor& step) const {
    if (!tensor.defined()) return at::rsub(at::pow(number, step), 1);
    return at::rsub(at::pow(tensor, tensor.requires_grad() ? step.clone() : step), 1);
  }
  /** `1 - beta ** step` */
  at::Tensor correction(double step) const { return at::rsub(tensor.pow(step), 1); }

  double number;
  at::Tensor tensor;
};

struct Options {
  explicit Options(const Values& group)
      : lr(group),
        first(group, 0),
        second(group, 1),
        beta1(first.number),
        beta2(second.number),
        eps(group.real("eps")),
        weight_decay(group.real("weight_decay")),
        amsgrad(group.flag("amsgrad")),
        maximize(group.flag("maximize")),
        capturable(group.flag("capturable")),
        differentiable(group.flag("differentiable")),
        decoupled(group.flag("decoupled_weight_decay")) {}

  Rate lr;
  Beta first, second;
  double beta1, beta2, eps, weight_decay;
  bool amsgrad, maximize, capturable, differentiable, decoupled;
};

// Number / tensor as Python's Tensor does it.
at::Tensor divide(double number, const at::Tensor& t) { return t.reciprocal().mul(number); }

// The bias corrections as tensors: nothing is read from the device, and autograd sees all of it.
void finish_in_tensors(const Options& o, at::Tensor& value, const at::Tensor& step, const at::Tensor& exp_avg,
                       const at::Tensor& exp_avg_sq, at::Tensor max_exp_avg_sq) {
  const auto bias_correction1 = o.first.correction(step);
  const auto bias_correction2 = o.second.correction(step);
  const auto step_size = o.lr.over(bias_correction1);
  const auto step_size_neg = step_size.neg();
  if (o.amsgrad)
    max_exp_avg_sq.copy_(at::maximum(o.differentiable ? max_exp_avg_sq.clone() : max_exp_avg_sq, exp_avg_sq));
  const auto root_of = (o.amsgrad ? max_exp_avg_sq : exp_avg_sq).sqrt();
  const auto denominator = root_of.div(bias_correction2.sqrt().mul(step_size_neg)).add_(divide(o.eps, step_size_neg));
  value.addcdiv_(o.differentiable ? exp_avg.clone() : exp_avg, denominator);
}

// The averages, with tensors as decays. `value` has the dtype and device of the real parameter.
void average_by_tensors(const Options& o, const at::Tensor& value, const at::Tensor& grad, at::Tensor& exp_avg,
                        at::Tensor& exp_avg_sq) {
  exp_avg.lerp_(grad, at::rsub(o.first.tensor.to(value.device(), value.scalar_type(), /*non_blocking=*/true), 1));
  const auto rest = at::rsub(o.second.tensor, 1);
  if (o.differentiable && rest.requires_grad()) {
    exp_avg_sq.lerp_(at::square(grad), rest);
  } else {
    exp_avg_sq.mul_(o.second.tensor).addcmul_(grad, grad, rest.item());
  }
}

// The step of numbers with bias corrections that are tensors, since the decays are.
void finish_by_tensors(const Options& o, at::Tensor& value, double count, const at::Tensor& exp_avg,
                       const at::Tensor& exp_avg_sq, at::Tensor max_exp_avg_sq) {
  const auto step_size = o.lr.over(o.first.correction(count));
  const auto scale = o.second.correction(count).pow(0.5);
  if (o.amsgrad) at::maximum_out(max_exp_avg_sq, max_exp_avg_sq, exp_avg_sq);
  const auto denominator = (o.amsgrad ? max_exp_avg_sq : exp_avg_sq).sqrt().div(scale).add_(o.eps);
  value.addcdiv_(exp_avg, denominator, step_size.neg().item());
}

// The end of a foreach step with the bias corrections in tensors.
void finish_in_tensors(const Options& o, const std::vector<at::Tensor>& values, const std::vector<at::Tensor>& exp_avgs,
                       const std::vector<at::Tensor>& denominators, const std::vector<at::Tensor>& steps) {
  const auto step_sizes = at::_foreach_pow(o.beta1, steps);
  const auto scales = at::_foreach_pow(o.beta2, steps);
  at::_foreach_sub_(step_sizes, 1);
  at::_foreach_sub_(scales, 1);
  at::_foreach_neg_(scales);
  // -lr / (1 - beta1 ** step)
  o.lr.divide_(step_sizes);
  at::_foreach_reciprocal_(step_sizes);
  at::_foreach_sqrt_(scales);
  at::_foreach_div_(denominators, scales);
  at::_foreach_add_(denominators, o.eps);
  at::_foreach_div_(denominators, step_sizes);
  at::_foreach_addcdiv_(values, exp_avgs, denominators);
}

void check_tensors_as_betas(const Values& o) {
  const auto& betas = o.at("betas");
  if (!betas.isList() || betas.isDoubleList()) return;
  const auto list = betas.toListRef();
  const auto tensors = std::count_if(list.begin(), list.end(), [](const auto& beta) { return beta.isTensor(); });
  if (tensors != 2) refuse("betas must be either both floats or both Tensors");
  if (o.flag("foreach") && !o.flag("capturable")) {
    refuse("betas[0] as a Tensor is not supported for capturable=False and foreach=True");
  }
}

}  // namespace

void check(const Values& o) {
  if (o.at("lr").isTensor() && o.flag("foreach") && !o.flag("capturable")) {
    refuse("lr as a Tensor is not supported for capturable=False and foreach=True");
  }
  check_lr(o);
  check_at_least_zero(o, "eps", "epsilon value");
  check_betas(o);
  check_at_least_zero(o, "weight_decay", "weight_decay value");
  check_tensors_as_betas(o);
  check_fused(o);
}

void start(Group& group, Parameter& p) {
  const bool fused = group.flag("fused");
  const bool on_device = fused || group.flag("capturable");
  const auto device = on_device ? p.value.device() : at::Device(at::kCPU);
  p.state.set("step", at::zeros({}, at::device(device).dtype(step_dtype(fused))));
  p.state.set("exp_avg", at::zeros_like(p.value, {}, at::MemoryFormat::Preserve));
  p.state.set("exp_avg_sq", at::zeros_like(p.value, {}, at::MemoryFormat::Preserve));
  if (group.flag("amsgrad")) p.state.set("max_exp_avg_sq", at::zeros_like(p.value, {}, at::MemoryFormat::Preserve));
}

void single(Group& group, const Parameters& parameters) {
  const Options o(group);
  for (auto* p : parameters) {
    if (o.capturable) check_capturable(*p);
    const auto step = p->state.tensor("step");
    if (o.differentiable && step.requires_grad())
      refuse("`requires_grad` is not supported for `step` in differentiable mode");
    double count = 0;
    if (o.capturable) {
      step.add_(1);
    } else {
      count = count_step(step);
    }
    auto grad = o.maximize ? p->grad.neg() : p->grad;
    auto value = p->value;
    if (o.weight_decay != 0) {
      if (o.decoupled) {
        o.lr.decay_(value, o.weight_decay, group);
      } else {
        grad = grad.add(value, o.weight_decay);
      }
    }
    grad = as_real(grad);
    value = as_real(value);
    auto exp_avg = as_real(p->state.tensor("exp_avg"));
    auto exp_avg_sq = as_real(p->state.tensor("exp_avg_sq"));
    auto max_exp_avg_sq = o.amsgrad ? as_real(p->state.tensor("max_exp_avg_sq")) : at::Tensor();

    if (o.first.tensor.defined()) {
      average_by_tensors(o, value, grad, exp_avg, exp_avg_sq);
    } else {
      exp_avg.lerp_(grad, 1 - o.beta1);
      group.multiply_(exp_avg_sq, o.beta2);
      exp_avg_sq.addcmul_(grad, grad, 1 - o.beta2);
    }

    if (o.capturable || o.differentiable) {
      finish_in_tensors(o, value, step, exp_avg, exp_avg_sq, max_exp_avg_sq);
      continue;
    }
    if (o.first.tensor.defined()) {
      finish_by_tensors(o, value, count, exp_avg, exp_avg_sq, max_exp_avg_sq);
      continue;
    }
    const double step_size = o.lr.over(1 - std::pow(o.beta1, count));
    const double scale = root_by_pow(1 - std::pow(o.beta2, count));
    if (o.amsgrad) at::maximum_out(max_exp_avg_sq, max_exp_avg_sq, exp_avg_sq);
    auto denominator = (o.amsgrad ? max_exp_avg_sq : exp_avg_sq).sqrt();
    group.divide_(denominator, scale);
    group.add_(denominator, o.eps);
    value.addcdiv_(exp_avg, denominator, -step_size);
  }
}

void foreach (Group& group, const Parameters& parameters) {
  const Options o(group);
  if (!o.capturable) {
    if (o.lr.tensor.defined()) refuse("lr as a Tensor is not supported for capturable=False and foreach=True");
    if (o.first.tensor.defined()) refuse("beta1 as a Tensor is not supported for capturable=False and foreach=True");
  }
  check_foreach(parameters, o.capturable, o.differentiable);
  auto values = values_of(parameters);
  auto grads = grads_of(parameters);
  auto exp_avgs = states_of(parameters, "exp_avg");
  auto exp_avg_sqs = states_of(parameters, "exp_avg_sq");
  auto max_exp_avg_sqs = o.amsgrad ? states_of(parameters, "max_exp_avg_sq") : std::vector<at::Tensor>();
  for (auto* list : {&values, &grads, &exp_avgs, &exp_avg_sqs, &max_exp_avg_sqs}) as_real(*list);

  if (o.maximize) grads = at::_foreach_neg(grads);
  const auto steps = states_of(parameters, "step");
  if (o.capturable) at::_foreach_add_(steps, 1);
  std::vector<at::Scalar> step_sizes, scales;
  for (const auto* p : parameters) {
    if (o.capturable) break;
    const double count = count_step(p->state.tensor("step"));
    step_sizes.emplace_back(-(o.lr.number / (1 - std::pow(o.beta1, count))));
    scales.emplace_back(root_by_pow(1 - std::pow(o.beta2, count)));
  }
  if (o.weight_decay != 0) {
    if (o.decoupled) {
      o.lr.decay_(values, o.weight_decay);
    } else {
      grads = at::_foreach_add(grads, values, o.weight_decay);
    }
  }
  at::_foreach_lerp_(exp_avgs, grads, o.first.rest());
  if (o.second.tensor.defined()) {
    at::_foreach_mul_(exp_avg_sqs, o.second.tensor);
    at::_foreach_addcmul_(exp_avg_sqs, at::_foreach_mul(grads, at::rsub(o.second.tensor, 1)), grads, 1.0);
  } else {
    at::_foreach_mul_(exp_avg_sqs, o.beta2);
    at::_foreach_addcmul_(exp_avg_sqs, grads, grads, 1 - o.beta2);
  }
  if (o.amsgrad) at::_foreach_maximum_(max_exp_avg_sqs, exp_avg_sqs);
  auto denominators = at::_foreach_sqrt(o.amsgrad ? max_exp_avg_sqs : exp_avg_sqs);
  if (o.capturable) {
    finish_in_tensors(o, values, exp_avgs, denominators, steps);
    return;
  }
  at::_foreach_div_(denominators, scales);
  at::_foreach_add_(denominators, o.eps);
  at::_foreach_addcdiv_(values, exp_avgs, denominators, step_sizes);
}

void fused(Group& group, const Parameters& parameters) {
  const Options o(group);
  if (o.differentiable) refuse("Adam with fused=True does not support differentiable=True");
  const auto values = values_of(parameters);
  const auto grads = grads_of(parameters);
  const auto exp_avgs = states_of(parameters, "exp_avg");
  const auto exp_avg_sqs = states_of(parameters, "exp_avg_sq");
  const auto max_exp_avg_sqs = o.amsgrad ? states_of(parameters, "max_exp_avg_sq") : std::vector<at::Tensor>();
  const auto steps = states_of(parameters, "step");
  if (steps.front().is_cpu()) {
    for (const auto& step : steps) count_step(step);
  } else {
    at::_foreach_add_(steps, 1);
  }
  const auto device = values.front().device();
  const auto found_inf = group.scaling().found_inf_on(device);
  const auto run = [&](const auto& lr) {
    const auto function = [&](auto&&... arguments) {
      if (o.decoupled) {
        at::_fused_adamw_(arguments...);
      } else {
        at::_fused_adam_(arguments...);
      }
    };
    function(values, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps, lr, o.beta1, o.beta2, o.weight_decay, o.eps,
             o.amsgrad, o.maximize, group.scaling().scale_on(device), found_inf);
  };
  if (!o.lr.tensor.defined()) {
    run(o.lr.number);
  } else if (o.lr.tensor.is_cpu()) {
    run(o.lr.tensor);
  } else {
    run(o.lr.tensor.to(device));
  }
  take_back_steps(steps, found_inf);
}

std::vector<Option> options(Literal weight_decay) {
  return {{"lr", 1e-3, "learning rate, ≥ 0", "number | Tensor"},
          {"betas", std::vector{0.9, 0.999}, "decay of the averages of the gradient and of its square, each in [0, 1)",
           "[number, number] | [Tensor, Tensor]"},
          {"eps", 1e-8, "added to the denominator, ≥ 0"},
          {"weight_decay", std::move(weight_decay), "weight decay, ≥ 0"},
          {"amsgrad", false, "divide by the largest average of squares so far"}};
}

std::vector<const char*> defaults() {
  return {"lr",         "betas",          "eps",   "weight_decay",          "amsgrad", "maximize", "foreach",
          "capturable", "differentiable", "fused", "decoupled_weight_decay"};
}

std::vector<Option> older() {
  return {{"amsgrad", false, ""},    {"maximize", false, ""},       {"foreach", {}, ""},
          {"capturable", false, ""}, {"differentiable", false, ""}, {"decoupled_weight_decay", false, ""},
          {"fused", {}, ""}};
}

}  // namespace adam

static const Registered<OptimizerRow> kAdam{{
    .name = "Adam",
    .doc = "Adam: steps scaled by running averages of the gradient and of its square",
    .options = adam::options(int64_t{0}),
    .keywords = {kForeach,
                 kMaximize,
                 kCapturable,
                 kDifferentiable,
                 kFused,
                 {"decoupled_weight_decay", false, "decay the parameters and not the gradients, as AdamW does"}},
    .defaults = adam::defaults(),
    .state = {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"},
    .older = adam::older(),
    .no_sparse = adam::kNoSparse,
    .check = adam::check,
    .start = adam::start,
    .single = adam::single,
    .foreach = adam::foreach,
    .fused = adam::fused,
}};

}  // namespace libtorch_node
