// torch.optim.Muon. Source: torch/optim/_muon.py, _single_tensor_muon, PyTorch 2.13 (cf30153c).
#include <ATen/core/Tensor.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/lerp.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "optim/implementation.h"

namespace libtorch_node {

namespace {

void check_number(const Values& o, const char* name, const char* what) {
  if (!(o.real(name) >= 0)) refuse(std::string(what) + " should be >= 0 but is: " + o.print(name));
}

void check(const Values& o) {
  const auto& lr = o.at("lr");
  if (lr.isTensor() && lr.toTensor().numel() != 1) refuse("Tensor lr must be 1-element");
  check_number(o, "lr", "Learning rate");
  check_number(o, "momentum", "momentum");
  check_number(o, "weight_decay", "weight decay");
  const auto& adjust = o.at("adjust_lr_fn");
  if (adjust.isNone()) return;
  const auto name = adjust.isString() ? adjust.toStringRef() : o.print("adjust_lr_fn");
  if (name != "original" && name != "match_rms_adamw") {
    refuse("Adjust learning rate function " + name + " is not supported");
  }
}

void check_params(const std::vector<std::vector<at::Tensor>>& groups) {
  for (const auto& group : groups) {
    for (const auto& p : group) {
      if (p.dim() == 2) continue;
      std::string size;
      for (const auto length : p.sizes()) size += (size.empty() ? "" : ", ") + std::to_string(length);
      refuse("Muon only supports 2D parameters whereas we found a parameter with size: torch.Size([" + size + "])");
    }
  }
}

void check_real(const Parameter& p) {
  if (p.value.is_complex()) refuse("Muon does not support complex parameters");
}

// An orthogonal matrix near that of the gradient, by a quintic iteration of Newton and Schulz in bfloat16.
at::Tensor orthogonalize(const Values& o, const at::Tensor& grad) {
  const double steps = o.real("ns_steps");
  if (steps >= 100) refuse("Number of steps must be less than 100 for computational efficiency");
  if (o.at("ns_coefficients").toDoubleList().size() != 3) refuse("Coefficients must be a tuple of exactly 3 values");
  const double a = o.real("ns_coefficients", 0), b = o.real("ns_coefficients", 1), c = o.real("ns_coefficients", 2);
  const bool tall = grad.size(0) > grad.size(1);
  // A buffer that is in bfloat16 already is normalized itself, as in Python
  auto result = grad.to(at::kBFloat16);
  if (tall) result = result.t();
  result.div_(at::linalg_vector_norm(result).clamp_min(o.real("eps")));
  for (int i = 0; i < steps; ++i) {
    const auto gram = at::mm(result, result.t());
    const auto update = at::addmm(gram, gram, gram, b, c);
    result = at::addmm(result, update, result, a);
  }
  return tall ? result.t() : result;
}

// The rate for a matrix of this shape.
double adjusted(const Values& o, const Rate& lr, const at::Tensor& value) {
  const auto rows = static_cast<double>(value.size(0)), columns = static_cast<double>(value.size(1));
  const auto& function = o.at("adjust_lr_fn");
  double ratio = 1;
  if (function.isNone() || function.toStringRef() == "original") {
    if (columns == 0) refuse("division by zero");
    const double quotient = rows / columns;
    ratio = std::sqrt(quotient > 1 ? quotient : 1);
  } else if (function.toStringRef() == "match_rms_adamw") {
    ratio = 0.2 * std::sqrt(std::max(rows, columns));
  }
  return lr.tensor.defined() ? lr.tensor.mul(ratio).item().toDouble() : lr.number * ratio;
}

void start(Group&, Parameter& p) {
  check_real(p);
  p.state.set("momentum_buffer", at::zeros_like(p.grad, {}, at::MemoryFormat::Preserve));
}

void single(Group& group, const Parameters& parameters) {
  const Rate lr(group);
  const double momentum = group.real("momentum"), weight_decay = group.real("weight_decay");
  const bool nesterov = group.flag("nesterov");
  for (auto* p : parameters) check_real(*p);
  for (auto* p : parameters) {
    if (p->grad.dim() != 2) refuse("Param gradient must be a 2D matrix");
    auto value = p->value;
    auto buffer = p->state.tensor("momentum_buffer");
    buffer.lerp_(p->grad, 1 - momentum);
    const auto update = orthogonalize(group, nesterov ? p->grad.lerp(buffer, momentum) : buffer);
    const double rate = adjusted(group, lr, value);
    lr.decay_(value, weight_decay, group);
    value.add_(update, -rate);
  }
}

}  // namespace

static const Registered<OptimizerRow> kMuon{{
    .name = "Muon",
    .doc = "Muon, for the matrices of hidden layers: the momentum is made orthogonal before each step",
    .options = {{"lr", 1e-3, "learning rate, ≥ 0", "number | Tensor"},
                {"weight_decay", 0.1, "decoupled weight decay, ≥ 0"},
                {"momentum", 0.95, "momentum factor, ≥ 0"},
                {"nesterov", true, "Nesterov momentum"},
                {"ns_coefficients", std::vector{3.4445, -4.775, 2.0315},
                 "coefficients of the polynomial that makes the update orthogonal"},
                {"eps", 1e-7, "least norm to divide by"},
                {"ns_steps", int64_t{5}, "how many times the polynomial is applied, < 100"},
                {"adjust_lr_fn",
                 {},
                 "how the rate depends on the shape; `null` is `'original'`",
                 "'original' | 'match_rms_adamw' | null"}},
    .keywords = {},
    .defaults = {"lr", "weight_decay", "momentum", "nesterov", "ns_coefficients", "eps", "ns_steps", "adjust_lr_fn"},
    .state = {"momentum_buffer"},
    .tensor_step = false,
    .no_sparse = "Muon does not support sparse gradients",
    .check = check,
    .check_params = check_params,
    .start = start,
    .single = single,
}};

}  // namespace libtorch_node
