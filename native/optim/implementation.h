#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sub.h>
#include <ATen/ops/item.h>
#include <ATen/ops/rsub.h>
#include <ATen/ops/view_as_real.h>

#include <atomic>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "optim/optimizer.h"

/** What the files of the optimizers share: options that many have, a rate that may be a tensor, complex parameters. */
namespace libtorch_node {

inline const Option kMaximize{"maximize", false, "maximize the objective instead of minimizing it"};
inline const Option kForeach{
    "foreach", {}, "one call for all parameters; `null`: where all of them are on an accelerator", "boolean | null"};
inline const Option kCapturable{"capturable", false,
                                "keep the whole step on the device, for graph capture; not on the CPU"};
inline const Option kDifferentiable{"differentiable", false, "let autograd record the step"};
inline const Option kFused{"fused", {}, "the fused kernel, for floating dtypes", "boolean | null"};

/** With a tensor as rate Python does its arithmetic in the dtype of that tensor. */
struct Rate {
  explicit Rate(const Values& group) : number(group.real("lr")) {
    if (group.at("lr").isTensor()) tensor = group.at("lr").toTensor().squeeze();
  }

  /** `t *= 1 - lr * weight_decay`; a tensor as rate stays on its device. */
  void decay_(at::Tensor& t, double weight_decay, Group& group) const {
    if (tensor.defined()) {
      t.mul_(at::rsub(tensor.mul(weight_decay), 1));
    } else {
      group.multiply_(t, 1 - number * weight_decay);
    }
  }
  void decay_(at::TensorList tensors, double weight_decay) const {
    if (tensor.defined()) {
      at::_foreach_mul_(tensors, at::rsub(tensor.mul(weight_decay), 1));
    } else {
      at::_foreach_mul_(tensors, 1 - number * weight_decay);
    }
  }
  /** `tensors *= lr`, `tensors /= lr` */
  void multiply_(at::TensorList tensors) const {
    if (tensor.defined()) {
      at::_foreach_mul_(tensors, tensor);
    } else {
      at::_foreach_mul_(tensors, number);
    }
  }
  void divide_(at::TensorList tensors) const {
    if (tensor.defined()) {
      at::_foreach_div_(tensors, tensor);
    } else {
      at::_foreach_div_(tensors, number);
    }
  }
  /** `t * lr` */
  at::Tensor times(const at::Tensor& t) const { return tensor.defined() ? t.mul(tensor) : t.mul(number); }
  /** `lr / number` */
  double over(double divisor) const {
    return tensor.defined() ? tensor.div(divisor).item().toDouble() : number / divisor;
  }
  /** `lr / t`; a number / tensor as Python's Tensor does it. */
  at::Tensor over(const at::Tensor& t) const { return tensor.defined() ? tensor.div(t) : t.reciprocal().mul(number); }

  double number;
  at::Tensor tensor;
};

// pow and not sqrt: they differ in the last bit for a few arguments, and Python calls the former.
inline double root_by_pow(double number) { return std::pow(number, 0.5); }

inline at::Tensor as_real(const at::Tensor& t) { return t.is_complex() ? at::view_as_real(t) : t; }
inline void as_real(std::vector<at::Tensor>& tensors) {
  for (auto& t : tensors) t = as_real(t);
}

inline void check_at_least_zero(const Values& o, const char* name, const char* what) {
  if (!(o.real(name) >= 0)) refuse(std::string("Invalid ") + what + ": " + o.print(name));
}

inline void check_betas(const Values& o) {
  for (size_t i = 0; i < 2; ++i) {
    const double beta = o.real("betas", i);
    if (!(beta >= 0 && beta < 1)) {
      refuse("Invalid beta parameter at index " + std::to_string(i) + ": " + o.print("betas", i));
    }
  }
}

/** Whether `capturable` is taken on the CPU, too: for tests, as Python's arithmetic is the same there. */
extern std::atomic<bool> capturable_on_cpu;

/** Refuses `capturable` unless the parameter and these entries of its state are on one device that can do it. */
inline void check_capturable(const Parameter& p, std::initializer_list<const char*> keys = {"step"},
                             const char* what = "params and state_steps", bool xla = true) {
  const auto type = p.value.device().type();
  bool supported = p.value.is_cuda() || p.value.is_xpu() || type == at::kHPU || p.value.is_privateuseone() ||
                   (xla && type == at::kXLA) || (type == at::kCPU && capturable_on_cpu);
  for (const auto* key : keys) supported = supported && p.state.tensor(key).device().type() == type;
  if (supported) return;
  refuse(std::string("If capturable=True, ") + what + " must be on supported devices: ['cuda', 'xpu', 'hpu', " +
         "'privateuseone'" + (xla ? ", 'xla']." : "]."));
}

/** A fused step that was left out does not count. */
inline void take_back_steps(const std::vector<at::Tensor>& steps, const std::optional<at::Tensor>& found_inf) {
  if (found_inf) at::_foreach_sub_(steps, std::vector<at::Tensor>(steps.size(), *found_inf));
}

/** What Python refuses before a foreach step, in its order. */
inline void check_foreach(const Parameters& parameters, bool capturable, bool differentiable,
                          std::initializer_list<const char*> keys = {"step"},
                          const char* what = "params and state_steps", bool xla = false) {
  if (differentiable) refuse("_foreach ops don't support autograd");
  if (!capturable) return;
  for (const auto* p : parameters) check_capturable(*p, keys, what, xla);
}

}  // namespace libtorch_node
