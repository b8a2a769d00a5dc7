// torch.optim.RAdam. Source: torch/optim/radam.py, _single_tensor_radam, _multi_tensor_radam, PyTorch 2.13 (cf30153c).
#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_neg.h>
#include <ATen/ops/_foreach_pow.h>
#include <ATen/ops/_foreach_reciprocal.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/_foreach_sub.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "optim/implementation.h"

namespace libtorch_node {

namespace {

struct Options {
  explicit Options(const Values& group)
      : lr(group),
        beta1(group.real("betas", 0)),
        beta2(group.real("betas", 1)),
        eps(group.real("eps")),
        weight_decay(group.real("weight_decay")),
        decoupled(group.flag("decoupled_weight_decay")),
        maximize(group.flag("maximize")),
        capturable(group.flag("capturable")),
        differentiable(group.flag("differentiable")),
        rho_inf(2 / (1 - beta2) - 1) {}

  // The length of the approximated moving average, and the rectification that follows from it.
  double rho(double step) const {
    const double power = std::pow(beta2, step);
    return rho_inf - 2 * step * power / (1 - power);
  }
  double rect(double rho) const {
    return root_by_pow((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho));
  }

  Rate lr;
  double beta1, beta2, eps, weight_decay;
  bool decoupled, maximize, capturable, differentiable;
  double rho_inf;
};

void check(const Values& o) {
  check_lr(o);
  check_at_least_zero(o, "eps", "epsilon value");
  check_betas(o);
  check_at_least_zero(o, "weight_decay", "weight_decay value");
}

void start(Group& group, Parameter& p) {
  const auto device = group.flag("capturable") ? p.value.device() : at::Device(at::kCPU);
  p.state.set("step", at::zeros({}, at::device(device).dtype(step_dtype(false))));
  p.state.set("exp_avg", at::zeros_like(p.value, {}, at::MemoryFormat::Preserve));
  p.state.set("exp_avg_sq", at::zeros_like(p.value, {}, at::MemoryFormat::Preserve));
}

// All in tensors: nothing is read from the device.
void finish_in_tensors(const Options& o, at::Tensor& value, const at::Tensor& step, const at::Tensor& exp_avg,
                       const at::Tensor& exp_avg_sq) {
  const auto bias_correction1 = at::rsub(at::pow(o.beta1, step), 1);
  const auto power = at::pow(o.beta2, step);
  const auto bias_correction2 = at::rsub(power, 1);
  const auto corrected = exp_avg.div(bias_correction1);
  const auto rho = at::rsub(step.mul(2).mul(power).div(bias_correction2), o.rho_inf);
  const auto rect = rho.sub(4).mul(rho.sub(2)).mul(o.rho_inf).div(rho.mul((o.rho_inf - 4) * (o.rho_inf - 2))).pow(0.5);
  const auto adaptive = bias_correction2.pow(0.5).div(exp_avg_sq.sqrt().add(o.eps));
  const auto update = at::where(rho.gt(5.0), rect.mul(adaptive), 1.0);
  value.add_(o.lr.times(corrected).mul(update), -1.0);
}

void single(Group& group, const Parameters& parameters) {
  const Options o(group);
  for (auto* p : parameters) {
    if (o.capturable) check_capturable(*p, {"step"}, "params and state_steps");
    auto value = as_real(p->value);
    auto grad = as_real(o.maximize ? p->grad.neg() : p->grad);
    auto exp_avg = as_real(p->state.tensor("exp_avg"));
    auto exp_avg_sq = as_real(p->state.tensor("exp_avg_sq"));
    auto step = p->state.tensor("step");
    double count = 0;
    if (o.capturable) {
      step.add_(1);
    } else {
      count = count_step(step);
    }
    if (o.weight_decay != 0) {
      if (o.decoupled) {
        o.lr.decay_(value, o.weight_decay, group);
      } else {
        grad = grad.add(value, o.weight_decay);
      }
    }
    exp_avg.lerp_(grad, 1 - o.beta1);
    group.multiply_(exp_avg_sq, o.beta2);
    exp_avg_sq.addcmul_(grad, grad, 1 - o.beta2);
    if (o.capturable) {
      finish_in_tensors(o, value, step, exp_avg, exp_avg_sq);
      continue;
    }
    auto update = o.lr.times(exp_avg.div(1 - std::pow(o.beta1, count)));
    if (const double rho = o.rho(count); rho > 5.0) {
      auto denominator = exp_avg_sq.sqrt();
      if (o.differentiable) {
        denominator = denominator.add(o.eps);
      } else {
        group.add_(denominator, o.eps);
      }
      const auto adaptive = denominator.reciprocal().mul(root_by_pow(1 - std::pow(o.beta2, count)));
      update = update.mul(adaptive).mul(o.rect(rho));
    }
    value.add_(update, -1.0);
  }
}

/** The two summands of a factor: one is that of a rectified step's, the other that of a plain one's. */
struct Sizes {
  std::vector<at::Tensor> rectified, plain;
};

Sizes sizes_in_tensors(const Options& o, const std::vector<at::Tensor>& steps) {
  const auto one_minus = [&](double beta) {
    auto powers = at::_foreach_pow(beta, steps);
    at::_foreach_neg_(powers);
    at::_foreach_add_(powers, 1);
    return powers;
  };
  auto corrections = one_minus(o.beta2);
  auto rhos = at::_foreach_pow(o.beta2, steps);
  at::_foreach_mul_(rhos, steps);
  at::_foreach_mul_(rhos, 2);
  at::_foreach_div_(rhos, corrections);
  at::_foreach_neg_(rhos);
  at::_foreach_add_(rhos, o.rho_inf);

  auto numerators = at::_foreach_sub(rhos, 4);
  at::_foreach_mul_(numerators, at::_foreach_sub(rhos, 2));
  at::_foreach_mul_(numerators, o.rho_inf);
  at::_foreach_div_(numerators, at::_foreach_mul(rhos, (o.rho_inf - 4) * (o.rho_inf - 2)));
  at::_foreach_sqrt_(numerators);

  std::vector<at::Tensor> rects, plain;
  for (size_t i = 0; i < rhos.size(); ++i) {
    rects.push_back(at::where(rhos[i].gt(5.0), numerators[i], 0.0));
    plain.push_back(at::where(rects[i].gt(0), at::Scalar(0.0), at::Scalar(1.0)));
  }
  o.lr.multiply_(plain);
  corrections = one_minus(o.beta1);
  at::_foreach_div_(plain, corrections);
  at::_foreach_neg_(plain);

  auto rectified = one_minus(o.beta2);
  at::_foreach_sqrt_(rectified);
  o.lr.multiply_(rectified);
  at::_foreach_mul_(rectified, rects);
  at::_foreach_neg_(rectified);
  at::_foreach_div_(rectified, corrections);
  return {rectified, plain};
}

void foreach (Group& group, const Parameters& parameters) {
  const Options o(group);
  check_foreach(parameters, o.capturable, o.differentiable);
  auto values = values_of(parameters);
  auto grads = grads_of(parameters);
  auto exp_avgs = states_of(parameters, "exp_avg");
  auto exp_avg_sqs = states_of(parameters, "exp_avg_sq");
  for (auto* list : {&values, &grads, &exp_avgs, &exp_avg_sqs}) as_real(*list);
  if (o.maximize) grads = at::_foreach_neg(grads);

  const auto steps = states_of(parameters, "step");
  Sizes in_tensors;
  if (o.capturable) {
    at::_foreach_add_(steps, 1);
    in_tensors = sizes_in_tensors(o, steps);
  }
  // One of the two sizes of a parameter is zero: `buffer` becomes the other's factor.
  std::vector<at::Scalar> rectified, plain;
  for (const auto* p : parameters) {
    if (o.capturable) break;
    const double count = count_step(p->state.tensor("step"));
    const double rho = o.rho(count);
    const double rect = rho > 5 ? o.rect(rho) : 0;
    const double bias_correction1 = 1 - std::pow(o.beta1, count);
    const double scale = root_by_pow(1 - std::pow(o.beta2, count));
    const double rest = rect > 0 ? 0 : 1;
    if (o.lr.tensor.defined()) {
      plain.emplace_back(o.lr.tensor.mul(rest).div(bias_correction1).mul(-1).item());
      rectified.emplace_back(o.lr.tensor.mul(rect).div(bias_correction1).mul(scale).mul(-1).item());
    } else {
      plain.emplace_back((o.lr.number * rest / bias_correction1) * -1);
      rectified.emplace_back(scale * (o.lr.number * rect / bias_correction1) * -1);
    }
  }
  if (o.weight_decay != 0) {
    if (o.decoupled) {
      o.lr.decay_(values, o.weight_decay);
    } else {
      grads = at::_foreach_add(grads, values, o.weight_decay);
    }
  }
  at::_foreach_lerp_(exp_avgs, grads, 1 - o.beta1);
  at::_foreach_mul_(exp_avg_sqs, o.beta2);
  at::_foreach_addcmul_(exp_avg_sqs, grads, grads, 1 - o.beta2);
  auto buffer = at::_foreach_sqrt(exp_avg_sqs);
  at::_foreach_add_(buffer, o.eps);
  const auto combine = [&](const auto& by, const auto& more) {
    at::_foreach_div_(buffer, by);
    at::_foreach_reciprocal_(buffer);
    at::_foreach_add_(buffer, more);
  };
  if (o.capturable) {
    combine(in_tensors.rectified, in_tensors.plain);
  } else {
    combine(rectified, plain);
  }
  at::_foreach_addcmul_(values, exp_avgs, buffer);
}

}  // namespace

static const Registered<OptimizerRow> kRAdam{{
    .name = "RAdam",
    .doc = "Adam whose step is rectified while its averages are short",
    .options = {{"lr", 1e-3, "learning rate, ≥ 0", "number | Tensor"},
                {"betas", std::vector{0.9, 0.999},
                 "decay of the averages of the gradient and of its square, each in [0, 1)"},
                {"eps", 1e-8, "added to the denominator, ≥ 0"},
                {"weight_decay", int64_t{0}, "weight decay, ≥ 0"},
                {"decoupled_weight_decay", false, "decay the parameters and not the gradients, as AdamW does"}},
    .keywords = {kForeach, kMaximize, kCapturable, kDifferentiable},
    .defaults = {"lr", "betas", "eps", "weight_decay", "maximize", "foreach", "capturable", "decoupled_weight_decay",
                 "differentiable"},
    .state = {"step", "exp_avg", "exp_avg_sq"},
    .older = {{"foreach", {}, ""},
              {"maximize", false, ""},
              {"differentiable", false, ""},
              {"decoupled_weight_decay", false, ""},
              {"capturable", false, ""}},
    .no_sparse = "RAdam does not support sparse gradients",
    .check = check,
    .start = start,
    .single = single,
    .foreach = foreach,
}};

}  // namespace libtorch_node
