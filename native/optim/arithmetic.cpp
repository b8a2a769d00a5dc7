// What the implementations of a step share.
#include <ATen/Context.h>
#include <ATen/EmptyTensor.h>
#include <ATen/ScalarOps.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/item.h>
#include <c10/core/DefaultDtype.h>

#include <bit>

#include "core/error.h"
#include "optim/implementation.h"
#include "optim/optimizer.h"

namespace libtorch_node {

std::atomic<bool> capturable_on_cpu = false;

namespace {

bool is_plain(const at::Tensor& t) {
  return t.is_cpu() && t.layout() == at::kStrided && (t.scalar_type() == at::kFloat || t.scalar_type() == at::kDouble);
}

// The number in a 0-d CPU tensor, where it can be read or written in place.
template <class F>
bool in_place(const at::Tensor& t, F&& change) {
  if (!is_plain(t) || t.numel() != 1 || t.is_neg()) return false;
  if (t.scalar_type() == at::kFloat) {
    change(*t.mutable_data_ptr<float>());
  } else {
    change(*t.mutable_data_ptr<double>());
  }
  return true;
}

}  // namespace

// A number as an operand. As Python does, all of them become a tensor that does not take part in type promotion; only
// where the result is the same may it have the dtype of the other operand (narrower dtypes and complex ones compute
// wider).
at::Tensor Group::operand(const at::Tensor& other, double number) {
  if (!is_plain(other) || other.requires_grad()) return at::native::wrapped_scalar_tensor(number);
  for (const auto& [known, tensor] : constants_) {
    if (std::bit_cast<uint64_t>(known) == std::bit_cast<uint64_t>(number) &&
        tensor.scalar_type() == other.scalar_type()) {
      return tensor;
    }
  }
  at::Tensor tensor = at::detail::empty_cpu({}, other.scalar_type());
  in_place(tensor, [&](auto& value) { value = static_cast<std::decay_t<decltype(value)>>(number); });
  // bias corrections differ for each step count: keep the few of now
  if (constants_.size() >= 8) constants_.erase(constants_.begin());
  constants_.emplace_back(number, tensor);
  return tensor;
}

double count_step(at::Tensor step) {
  double count = 0;
  if (in_place(step, [&](auto& value) { count = value += 1; })) return count;
  return step.add_(1).item().toDouble();
}

c10::ScalarType step_dtype(bool fused) {
  return !fused && c10::get_default_dtype_as_scalartype() == at::kDouble ? at::kDouble : at::kFloat;
}

std::vector<at::Tensor> values_of(const Parameters& parameters) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(parameters.size());
  for (const auto* p : parameters) tensors.push_back(p->value);
  return tensors;
}

std::vector<at::Tensor> grads_of(const Parameters& parameters) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(parameters.size());
  for (const auto* p : parameters) tensors.push_back(p->grad);
  return tensors;
}

std::vector<at::Tensor> states_of(const Parameters& parameters, const char* key) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(parameters.size());
  for (const auto* p : parameters) tensors.push_back(p->state.tensor(key));
  return tensors;
}

void refuse(const std::string& message) { fail_argument(message); }

void check_lr(const Values& defaults) {
  const auto& lr = defaults.at("lr");
  if (lr.isTensor() && lr.toTensor().numel() != 1) refuse("Tensor lr must be 1-element");
  // also refuses NaN
  if (!(defaults.real("lr") >= 0)) refuse("Invalid learning rate: " + defaults.print("lr"));
}

void check_fused(const Values& defaults) {
  if (!defaults.flag("fused")) return;
  if (defaults.flag("differentiable")) refuse("`fused` does not support `differentiable`");
  if (defaults.flag("foreach")) refuse("`fused` and `foreach` cannot be `True` together.");
}

}  // namespace libtorch_node
