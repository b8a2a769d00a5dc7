#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/ops/view_as_real.h>

#include <vector>

#include "optim/optimizer.h"

/** What the files of the optimizers share beyond optimizer.h. */
namespace libtorch_node {

inline at::Tensor real_view(const at::Tensor& t) { return t.is_complex() ? at::view_as_real(t) : t; }

inline void view_as_real(std::vector<at::Tensor>& tensors) {
  for (auto& t : tensors) t = real_view(t);
}

/** Python refuses graph capture where a parameter or its step is not on an accelerator. */
inline void check_capturable(const Parameter& p, bool xla) {
  const auto type = p.value.device().type();
  const bool supported = p.value.is_cuda() || p.value.is_xpu() || type == at::kHPU || p.value.is_privateuseone() ||
                         (xla && type == at::kXLA);
  if (supported && p.state.tensor("step").device().type() == type) return;
  refuse(std::string("If capturable=True, params and state_steps must be on supported devices: "
                     "['cuda', 'xpu', 'hpu', 'privateuseone'") +
         (xla ? ", 'xla']." : "]."));
}

}  // namespace libtorch_node
