// torch.optim.SGD. Source: torch/optim/sgd.py, _single_tensor_sgd, _multi_tensor_sgd, _fused_sgd, PyTorch 2.13
// (cf30153c).
#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_neg.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "optim/optimizer.h"

namespace libtorch_node {

namespace {

struct Options {
  explicit Options(const Values& group)
      : lr(group.real("lr")),
        momentum(group.real("momentum")),
        dampening(group.real("dampening")),
        weight_decay(group.real("weight_decay")),
        nesterov(group.flag("nesterov")),
        maximize(group.flag("maximize")) {}
  double lr, momentum, dampening, weight_decay;
  bool nesterov, maximize;
};

void check(const Values& o) {
  check_lr(o);
  if (o.real("momentum") < 0) refuse("Invalid momentum value: " + o.print("momentum"));
  if (o.real("weight_decay") < 0) refuse("Invalid weight_decay value: " + o.print("weight_decay"));
  if (o.flag("nesterov") && (o.real("momentum") <= 0 || o.real("dampening") != 0)) {
    refuse("Nesterov momentum requires a momentum and zero dampening");
  }
  check_fused(o);
}

// The first buffer is the gradient itself: dampening begins with the second step.
at::Tensor next_buffer(Group& group, const Options& o, Parameter& p, const at::Tensor& grad) {
  auto buffer = p.state.find("momentum_buffer");
  if (!buffer.defined()) {
    buffer = grad.detach().clone();
    p.state.set("momentum_buffer", buffer);
    return buffer;
  }
  group.multiply_(buffer, o.momentum);
  return buffer.add_(grad, 1 - o.dampening);
}

void single(Group& group, const Parameters& parameters) {
  const Options o(group);
  const auto& lr = group.at("lr");
  const bool learned_lr = lr.isTensor() && lr.toTensor().requires_grad();
  for (auto* p : parameters) {
    auto grad = o.maximize ? p->grad.neg() : p->grad;
    if (o.weight_decay != 0) grad = grad.add(p->value, o.weight_decay);
    if (o.momentum != 0) {
      const auto buffer = next_buffer(group, o, *p, grad);
      grad = o.nesterov ? grad.add(buffer, o.momentum) : buffer;
    }
    if (learned_lr) {
      p->value.addcmul_(grad, lr.toTensor().squeeze(), -1);
    } else {
      p->value.add_(grad, -o.lr);
    }
  }
}

void foreach (Group& group, const Parameters& parameters) {
  const Options o(group);
  auto values = values_of(parameters);
  auto grads = grads_of(parameters);
  if (o.maximize) grads = at::_foreach_neg(grads);
  if (o.weight_decay != 0) grads = at::_foreach_add(grads, values, o.weight_decay);
  if (o.momentum != 0) {
    const bool all_started = std::all_of(parameters.begin(), parameters.end(),
                                         [](auto* p) { return p->state.find("momentum_buffer").defined(); });
    std::vector<at::Tensor> buffers;
    if (all_started) {
      buffers = states_of(parameters, "momentum_buffer");
      at::_foreach_mul_(buffers, o.momentum);
      at::_foreach_add_(buffers, grads, 1 - o.dampening);
    } else {
      for (size_t i = 0; i < grads.size(); ++i) buffers.push_back(next_buffer(group, o, *parameters[i], grads[i]));
    }
    // Python adds in place here, and so changes the caller's .grad
    grads = o.nesterov ? at::_foreach_add(grads, buffers, o.momentum) : buffers;
  }
  if (std::any_of(grads.begin(), grads.end(), [](const auto& g) { return g.is_sparse(); })) {
    for (size_t i = 0; i < grads.size(); ++i) values[i].add_(grads[i], -o.lr);
  } else {
    at::_foreach_add_(values, grads, -o.lr);
  }
}

void fused_part(const Group& group, const Options& o, const Parameters& parameters, bool first) {
  if (parameters.empty()) return;
  const auto values = values_of(parameters);
  const auto grads = grads_of(parameters);
  std::vector<at::Tensor> buffers;
  if (o.momentum != 0) {
    if (first) {
      // Python leaves them empty, and as they are where the step is left out for a gradient that is not finite
      for (auto* p : parameters) p->state.set("momentum_buffer", at::zeros_like(p->grad));
    }
    buffers = states_of(parameters, "momentum_buffer");
  }
  const auto device = values.front().device();
  const auto run = [&](const auto& lr) {
    at::_fused_sgd_(values, grads, buffers, o.weight_decay, o.momentum, lr, o.dampening, o.nesterov, o.maximize, first,
                    group.scaling().scale_on(device), group.scaling().found_inf_on(device));
  };
  if (group.at("lr").isTensor()) {
    run(group.at("lr").toTensor());
  } else {
    run(o.lr);
  }
}

void fused(Group& group, const Parameters& parameters) {
  const Options o(group);
  if (std::any_of(parameters.begin(), parameters.end(), [](auto* p) { return p->grad.is_sparse(); })) {
    refuse("`_fused_sgd` does not support sparse gradients");
  }
  // Python fails where only some parameters have a buffer; each of the two parts is well defined.
  Parameters fresh, started;
  for (auto* p : parameters) {
    const bool first = o.momentum != 0 && !p->state.find("momentum_buffer").defined();
    (first ? fresh : started).push_back(p);
  }
  fused_part(group, o, fresh, true);
  fused_part(group, o, started, false);
}

}  // namespace

static const Registered<OptimizerRow> kSgd{{
    .name = "SGD",
    .doc = "Stochastic gradient descent, with momentum, weight decay and Nesterov's variant",
    .options = {{"lr", 1e-3, "learning rate, ≥ 0", "number | Tensor"},
                {"momentum", int64_t{0}, "momentum factor, ≥ 0"},
                {"dampening", int64_t{0}, "part of the gradient that momentum leaves out"},
                {"weight_decay", int64_t{0}, "L2 penalty, ≥ 0"},
                {"nesterov", false, "Nesterov momentum; needs a momentum and no dampening"}},
    .keywords = {{"maximize", false, "maximize the objective instead of minimizing it"},
                 {"foreach",
                  {},
                  "one call for all parameters; `null`: where all of them are on an accelerator",
                  "boolean | null"},
                 {"differentiable", false, "let autograd record the step"},
                 {"fused", {}, "the fused kernel, for floating dtypes", "boolean | null"}},
    .defaults = {"lr", "momentum", "dampening", "weight_decay", "nesterov", "maximize", "foreach", "differentiable",
                 "fused"},
    .state = {"momentum_buffer"},
    .older = {{"nesterov", false, ""},
              {"maximize", false, ""},
              {"foreach", {}, ""},
              {"differentiable", false, ""},
              {"fused", false, ""}},
    .tensor_step = false,
    .check = check,
    .single = single,
    .foreach = foreach,
    .fused = fused,
}};

}  // namespace libtorch_node
