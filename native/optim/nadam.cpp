// torch.optim.NAdam. Source: torch/optim/nadam.py, _single_tensor_nadam, _multi_tensor_nadam, PyTorch 2.13 (cf30153c).
#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_neg.h>
#include <ATen/ops/_foreach_pow.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/_foreach_sub.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/pow.h>
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
        momentum_decay(group.real("momentum_decay")),
        decoupled(group.flag("decoupled_weight_decay")),
        maximize(group.flag("maximize")),
        capturable(group.flag("capturable")),
        differentiable(group.flag("differentiable")) {}

  // The momentum of a step.
  double mu(double step) const { return beta1 * (1.0 - 0.5 * std::pow(0.96, step * momentum_decay)); }
  at::Tensor mu(const at::Tensor& step) const {
    return at::rsub(at::pow(0.96, step.mul(momentum_decay)).mul(0.5), 1.0).mul(beta1);
  }

  Rate lr;
  double beta1, beta2, eps, weight_decay, momentum_decay;
  bool decoupled, maximize, capturable, differentiable;
};

void check(const Values& o) {
  check_lr(o);
  check_at_least_zero(o, "eps", "epsilon value");
  check_betas(o);
  check_at_least_zero(o, "weight_decay", "weight_decay value");
  check_at_least_zero(o, "momentum_decay", "momentum_decay value");
}

void start(Group& group, Parameter& p) {
  const auto device = group.flag("capturable") ? p.value.device() : at::Device(at::kCPU);
  const auto scalar = at::device(device).dtype(step_dtype(false));
  p.state.set("step", at::zeros({}, scalar));
  p.state.set("mu_product", at::ones({}, scalar));
  p.state.set("exp_avg", at::zeros_like(p.value, {}, at::MemoryFormat::Preserve));
  p.state.set("exp_avg_sq", at::zeros_like(p.value, {}, at::MemoryFormat::Preserve));
}

// The step sizes as numbers. With a tensor as rate the single-tensor implementation computes in its dtype.
double grad_size(const Rate& lr, double mu, double mu_product) {
  if (lr.tensor.defined()) return lr.tensor.neg().mul(1.0 - mu).div(1.0 - mu_product).item().toDouble();
  return -lr.number * (1.0 - mu) / (1.0 - mu_product);
}
double average_size(const Rate& lr, double mu_next, double mu_product_next) {
  if (lr.tensor.defined()) return lr.tensor.neg().mul(mu_next).div(1.0 - mu_product_next).item().toDouble();
  return (-lr.number * mu_next) / (1.0 - mu_product_next);
}

// `-lr * factor / divisor` as tensors: nothing is read from the device, and autograd sees it.
at::Tensor size_in_tensors(const Rate& lr, double factor, const at::Tensor& divisor) {
  if (lr.tensor.defined()) return lr.tensor.neg().mul(factor).div(divisor);
  return divisor.reciprocal().mul(-lr.number * factor);
}
at::Tensor size_in_tensors(const Rate& lr, const at::Tensor& factor, const at::Tensor& divisor) {
  return (lr.tensor.defined() ? lr.tensor.neg().mul(factor) : factor.mul(-lr.number)).div(divisor);
}

template <class Mu>
void finish_in_tensors(const Options& o, at::Tensor& value, const at::Tensor& grad, const at::Tensor& exp_avg,
                       const at::Tensor& denominator, const at::Tensor& mu_product, const Mu& mu, const Mu& mu_next) {
  const auto sum = denominator.add(o.eps);
  const auto mu_product_next = mu_product.mul(mu_next);
  Mu rest;
  if constexpr (std::is_same_v<Mu, double>) {
    rest = 1.0 - mu;
  } else {
    rest = at::rsub(mu, 1.0);
  }
  const auto scaled_grad = grad.mul(size_in_tensors(o.lr, rest, at::rsub(mu_product, 1.0)));
  const auto scaled_average = exp_avg.mul(size_in_tensors(o.lr, mu_next, at::rsub(mu_product_next, 1.0)));
  value.addcdiv_(scaled_grad, sum);
  value.addcdiv_(scaled_average, sum);
}

void single(Group& group, const Parameters& parameters) {
  const Options o(group);
  for (auto* p : parameters) {
    if (o.capturable) check_capturable(*p, {"mu_product", "step"}, "params, mu_products and state_steps");
    auto value = as_real(p->value);
    auto grad = as_real(o.maximize ? p->grad.neg() : p->grad);
    auto exp_avg = as_real(p->state.tensor("exp_avg"));
    auto exp_avg_sq = as_real(p->state.tensor("exp_avg_sq"));
    auto mu_product = p->state.tensor("mu_product");
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
    const auto update_averages = [&] {
      exp_avg.lerp_(grad, 1 - o.beta1);
      group.multiply_(exp_avg_sq, o.beta2);
      exp_avg_sq.addcmul_(grad, grad, 1 - o.beta2);
    };
    if (o.capturable) {
      const auto mu = o.mu(step);
      const auto mu_next = o.mu(step.add(1));
      mu_product.mul_(mu);
      update_averages();
      const auto denominator = exp_avg_sq.div(at::rsub(at::pow(o.beta2, step), 1)).sqrt();
      finish_in_tensors(o, value, grad, exp_avg, denominator, mu_product, mu, mu_next);
      continue;
    }
    const double mu = o.mu(count);
    const double mu_next = o.mu(count + 1);
    group.multiply_(mu_product, mu);  // and not mul_(Scalar), which rounds the number to a narrow dtype first
    update_averages();
    auto denominator = exp_avg_sq.div(1 - std::pow(o.beta2, count)).sqrt();
    if (o.differentiable) {
      finish_in_tensors(o, value, grad, exp_avg, denominator, mu_product, mu, mu_next);
      continue;
    }
    const double product = mu_product.item().toDouble();
    group.add_(denominator, o.eps);
    value.addcdiv_(grad, denominator, grad_size(o.lr, mu, product));
    value.addcdiv_(exp_avg, denominator, average_size(o.lr, mu_next, product * mu_next));
  }
}

// The momenta at `exponents`, which are step counts times `momentum_decay`.
std::vector<at::Tensor> momenta(const Options& o, const std::vector<at::Tensor>& exponents) {
  auto mus = at::_foreach_pow(0.96, exponents);
  at::_foreach_mul_(mus, -0.5);
  at::_foreach_add_(mus, 1.0);
  at::_foreach_mul_(mus, o.beta1);
  return mus;
}

// The end of a foreach step with all sizes in tensors.
void finish_in_tensors(const Options& o, const std::vector<at::Tensor>& values, const std::vector<at::Tensor>& grads,
                       const std::vector<at::Tensor>& exp_avgs, const std::vector<at::Tensor>& denominators,
                       const std::vector<at::Tensor>& mu_products, const std::vector<at::Tensor>& steps) {
  const auto exponents = at::_foreach_mul(steps, o.momentum_decay);
  const auto mus = momenta(o, exponents);
  at::_foreach_add_(exponents, o.momentum_decay);
  const auto mu_nexts = momenta(o, exponents);
  const auto scales = at::_foreach_pow(o.beta2, steps);
  at::_foreach_sub_(scales, 1.0);
  at::_foreach_neg_(scales);
  at::_foreach_sqrt_(scales);

  at::_foreach_mul_(mu_products, mus);
  at::_foreach_div_(denominators, scales);
  at::_foreach_add_(denominators, o.eps);

  // -lr * (1 - mu) / (1 - mu_product) in mus, -lr * mu_next / (1 - mu_product * mu_next) in mu_nexts
  at::_foreach_sub_(mus, 1.0);
  o.lr.multiply_(mus);
  const auto rests = at::_foreach_sub(mu_products, 1.0);
  at::_foreach_neg_(rests);
  at::_foreach_div_(mus, rests);
  const auto next_rests = at::_foreach_mul(mu_products, mu_nexts);
  o.lr.multiply_(mu_nexts);
  at::_foreach_sub_(next_rests, 1.0);
  at::_foreach_div_(mu_nexts, next_rests);

  const auto numerators = at::_foreach_mul(mus, grads);
  at::_foreach_addcmul_(numerators, mu_nexts, exp_avgs);
  at::_foreach_addcdiv_(values, numerators, denominators);
}

void foreach (Group& group, const Parameters& parameters) {
  const Options o(group);
  check_foreach(parameters, o.capturable, o.differentiable, {"mu_product", "step"},
                "params, mu_products, and state_steps");
  auto values = values_of(parameters);
  auto grads = grads_of(parameters);
  auto exp_avgs = states_of(parameters, "exp_avg");
  auto exp_avg_sqs = states_of(parameters, "exp_avg_sq");
  for (auto* list : {&values, &grads, &exp_avgs, &exp_avg_sqs}) as_real(*list);
  if (o.maximize) grads = at::_foreach_neg(grads);

  std::vector<at::Scalar> scales, grad_sizes, average_sizes;
  for (const auto* p : parameters) {
    if (o.capturable) break;
    const double count = count_step(p->state.tensor("step"));
    const double mu = o.mu(count);
    const double mu_next = o.mu(count + 1);
    auto mu_product = p->state.tensor("mu_product");
    mu_product.mul_(mu);  // as _foreach_mul_ does
    const double product = mu_product.item().toDouble();
    scales.emplace_back(root_by_pow(1 - std::pow(o.beta2, count)));
    grad_sizes.emplace_back((o.lr.number * (1.0 - mu) / (1.0 - product)) * -1);
    average_sizes.emplace_back((o.lr.number * mu_next / (1.0 - product * mu_next)) * -1);
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
  auto denominators = at::_foreach_sqrt(exp_avg_sqs);
  if (o.capturable) {
    const auto steps = states_of(parameters, "step");
    at::_foreach_add_(steps, 1);
    finish_in_tensors(o, values, grads, exp_avgs, denominators, states_of(parameters, "mu_product"), steps);
    return;
  }
  at::_foreach_div_(denominators, scales);
  at::_foreach_add_(denominators, o.eps);
  at::_foreach_addcdiv_(values, grads, denominators, grad_sizes);
  at::_foreach_addcdiv_(values, exp_avgs, denominators, average_sizes);
}

}  // namespace

static const Registered<OptimizerRow> kNAdam{{
    .name = "NAdam",
    .doc = "Adam with Nesterov momentum",
    .options = {{"lr", 2e-3, "learning rate, ≥ 0", "number | Tensor"},
                {"betas", std::vector{0.9, 0.999},
                 "decay of the averages of the gradient and of its square, each in [0, 1)"},
                {"eps", 1e-8, "added to the denominator, ≥ 0"},
                {"weight_decay", int64_t{0}, "weight decay, ≥ 0"},
                {"momentum_decay", 4e-3, "how fast the momentum comes to its full value, ≥ 0"},
                {"decoupled_weight_decay", false, "decay the parameters and not the gradients, as AdamW does"}},
    .keywords = {kForeach, kMaximize, kCapturable, kDifferentiable},
    .defaults = {"lr", "betas", "eps", "weight_decay", "momentum_decay", "decoupled_weight_decay", "maximize",
                 "foreach", "capturable", "differentiable"},
    .state = {"step", "mu_product", "exp_avg", "exp_avg_sq"},
    .older = {{"maximize", false, ""},
              {"foreach", {}, ""},
              {"capturable", false, ""},
              {"differentiable", false, ""},
              {"decoupled_weight_decay", false, ""}},
    .no_sparse = "NAdam does not support sparse gradients",
    .check = check,
    .start = start,
    .single = single,
    .foreach = foreach,
}};

}  // namespace libtorch_node
