#include "optim/optimizer.h"

#include <ATen/Context.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/scalar_tensor.h>

#include <algorithm>
#include <map>
#include <unordered_set>

#include "core/dtype.h"
#include "core/error.h"

namespace libtorch_node {

at::Tensor State::find(const char* key) const {
  for (const auto& [name, value] : entries_) {
    if (name == key) return value.isTensor() ? value.toTensor() : at::Tensor();
  }
  return {};
}

at::Tensor State::tensor(const char* key) const {
  auto found = find(key);
  if (!found.defined()) refuse(std::string("the optimizer's state of a parameter has no tensor '") + key + "'");
  return found;
}

void State::set(const char* key, c10::IValue value) {
  for (auto& [name, old] : entries_) {
    if (name == key) {
      old = std::move(value);
      return;
    }
  }
  entries_.emplace_back(key, std::move(value));
}

namespace {

// What a check refuses, with the optimizer's name before it.
template <class F>
void with_name(const OptimizerRow& row, F&& check) {
  try {
    check();
  } catch (const Failure& failure) {
    fail(failure.code, std::string(row.name) + ": " + failure.what());
  }
}

}  // namespace

Optimizer::Optimizer(const OptimizerRow& row, const Values& defaults)
    : row_(row), defaults_(defaults), differentiable_([&] {
        const auto& names = row.defaults;
        const auto has =
            std::any_of(names.begin(), names.end(), [](auto* n) { return std::string_view(n) == "differentiable"; });
        return has && defaults.flag("differentiable");
      }()) {
  if (row.check != nullptr) with_name(row, [&] { row.check(defaults); });
}

void Optimizer::set_params(const std::vector<std::vector<at::Tensor>>& groups) {
  // Python looks at them when the optimizer is made, and not when a group is added
  if (!std::exchange(has_params_, true) && row_.check_params != nullptr) {
    with_name(row_, [&] { row_.check_params(groups); });
  }
  groups_.clear();
  std::unordered_set<c10::TensorImpl*> present;
  for (const auto& tensors : groups) {
    auto& group = groups_.emplace_back();
    for (const auto& tensor : tensors) {
      auto& parameter = parameters_[tensor.unsafeGetTensorImpl()];
      if (!parameter) parameter = std::make_unique<Parameter>(Parameter{.value = tensor, .grad = {}, .state = {}});
      present.insert(tensor.unsafeGetTensorImpl());
      group.push_back(parameter.get());
    }
  }
  std::erase_if(parameters_,
                [&](const auto& item) { return !present.contains(item.first) && item.second->state.empty(); });
}

namespace {

// Python's list for this release; its devices have kernels of that kind.
bool has_foreach(const at::Tensor& t) {
  return t.is_cuda() || t.is_xpu() || t.device().type() == at::kMTIA || t.is_privateuseone();
}

bool has_fused(const at::Tensor& t) {
  const auto type = t.device().type();
  return at::isFloatingType(t.scalar_type()) &&
         (has_foreach(t) || type == at::kCPU || type == at::kMPS || type == at::kHPU);
}

void check_has_fused(const at::Tensor& t) {
  if (has_fused(t)) return;
  refuse(std::string("`fused=True` requires all the params to be floating point Tensors of supported devices: "
                     "['mps', 'cuda', 'xpu', 'hpu', 'cpu', 'mtia', 'privateuseone'] but torch.") +
         dtype_name(t.scalar_type()) + " and " + c10::DeviceTypeName(t.device().type(), true));
}

void run_by_kind(StepFunction function, Group& group, const Parameters& parameters) {
  std::map<std::tuple<c10::DeviceType, c10::DeviceIndex, c10::ScalarType>, Parameters> kinds;
  for (auto* p : parameters)
    kinds[{p->value.device().type(), p->value.device().index(), p->value.scalar_type()}].push_back(p);
  for (const auto& [kind, of_kind] : kinds) function(group, of_kind);
}

bool has_option(const OptimizerRow& row, std::string_view name) {
  return std::any_of(row.defaults.begin(), row.defaults.end(), [&](const char* n) { return name == n; });
}

struct DropGrads {
  const Parameters& parameters;
  ~DropGrads() {
    for (auto* p : parameters) p->grad.reset();
  }
};

}  // namespace

void Optimizer::start(std::vector<Group>& groups) {
  if (!row_.starts_at_once) return;
  if (groups.size() != groups_.size()) refuse("the values of every parameter group are needed");
  at::NoGradGuard no_grad;
  for (size_t i = 0; i < groups.size(); ++i) {
    groups[i].set_defaults(defaults_);
    for (auto* p : groups_[i]) {
      row_.start(groups[i], *p);
      note_state(*p);
    }
  }
}

void Optimizer::note_state(Parameter& p) {
  if (p.state.empty() || p.listed) return;
  p.listed = true;
  started_.push_back(&p);
}

void Optimizer::step(std::vector<Group>& groups, const Scaling& scaling) {
  if (groups.size() != groups_.size()) refuse("the values of every parameter group are needed");
  c10::AutoGradMode grad_mode(differentiable_);
  // Autograd's own layer of each operation only counts versions when gradients are off: the step counts them itself.
  std::optional<at::AutoDispatchBelowADInplaceOrView> below;
  if (!differentiable_) below.emplace();
  for (size_t i = 0; i < groups.size(); ++i) {
    groups[i].set_defaults(defaults_);
    groups[i].set_scaling(scaling);
    step_group(groups[i], groups_[i]);
  }
}

void Optimizer::step_group(Group& group, const Parameters& all) {
  Parameters parameters;
  parameters.reserve(all.size());
  DropGrads drop{parameters};
  for (auto* p : all) {
    const auto& grad = std::as_const(p->value).grad();
    if (!grad.defined()) continue;
    if (row_.no_sparse != nullptr && grad.is_sparse()) refuse(row_.no_sparse);
    p->grad = grad;
    parameters.push_back(p);
  }
  if (parameters.empty()) return;

  const auto foreach = row_.foreach == nullptr ? std::optional(false) : group.choice("foreach");
  const auto fused = row_.fused == nullptr ? std::optional(false) : group.choice("fused");
  if (fused.value_or(false)) {
    for (auto* p : parameters) check_has_fused(p->value);
  }
  for (auto* p : parameters) {
    if (row_.start != nullptr && p->state.empty()) row_.start(group, *p);
  }
  // As Python: nothing said means foreach where all parameters are on an accelerator, and never fused.
  const bool by_default =
      !foreach && !fused.value_or(false) && !(row_.fused != nullptr && fused) && !differentiable_ &&
      // nor foreach with a tensor as rate, where the foreach step of Adam refuses it
      !(row_.fused != nullptr && has_option(row_, "capturable") && group.at("lr").isTensor() &&
        !group.flag("capturable")) &&
      std::all_of(parameters.begin(), parameters.end(), [](auto* p) { return has_foreach(p->value); });
  if (!fused.value_or(false) && (group.scaling().grad_scale.defined() || group.scaling().found_inf.defined())) {
    refuse("Expected grad_scale and found_inf to be None");
  }
  if (fused.value_or(false)) {
    run_by_kind(row_.fused, group, parameters);
  } else if (foreach.value_or(by_default)) {
    run_by_kind(row_.foreach, group, parameters);
  } else {
    row_.single(group, parameters);
  }

  for (auto* p : parameters) {
    if (!differentiable_) p->value.unsafeGetTensorImpl()->bump_version();
    for (const auto& [key, value] : p->state.entries()) {
      if (!differentiable_ && value.isTensor()) value.toTensor().unsafeGetTensorImpl()->bump_version();
    }
    note_state(*p);
  }
}

void Optimizer::zero_grad(bool set_to_none) {
  at::NoGradGuard no_grad;
  for (const auto& group : groups_) {
    for (auto* p : group) {
      auto& grad = p->value.mutable_grad();
      if (!grad.defined()) continue;
      if (set_to_none) {
        grad.reset();
        continue;
      }
      if (grad.grad_fn()) {
        grad.detach_();
      } else {
        grad.requires_grad_(false);
      }
      grad.zero_();
    }
  }
}

Parameter& Optimizer::parameter(size_t index) const {
  for (const auto& group : groups_) {
    if (index < group.size()) return *group[index];
    index -= group.size();
  }
  refuse("there is no such parameter");
}

std::vector<size_t> Optimizer::state_indices() const {
  // a parameter that is listed twice is known by its first place
  std::unordered_map<const Parameter*, size_t> places;
  size_t place = 0;
  for (const auto& group : groups_) {
    for (const auto* p : group) places.try_emplace(p, place++);
  }
  std::vector<size_t> indices;
  for (const auto* p : started_) {
    if (const auto found = places.find(p); found != places.end()) indices.push_back(found->second);
  }
  return indices;
}

State& Optimizer::state(size_t index) { return parameter(index).state; }

void Optimizer::set_state(size_t index, State state) {
  auto& p = parameter(index);
  p.state = std::move(state);
  if (p.state.empty()) {
    std::erase(started_, &p);
    p.listed = false;
  } else if (!std::exchange(p.listed, true)) {
    started_.push_back(&p);
  }
}

namespace {

c10::IValue cast(const c10::IValue& value, const at::Tensor& parameter) {
  if (value.isTensor()) {
    const auto& t = value.toTensor();
    const auto dtype = parameter.is_floating_point() ? parameter.scalar_type() : t.scalar_type();
    return t.detach().to(parameter.device(), dtype, /*non_blocking=*/false, /*copy=*/true);
  }
  if (value.isList()) {
    c10::impl::GenericList list(c10::AnyType::get());
    for (const auto& item : value.toListRef()) list.push_back(cast(item, parameter));
    return list;
  }
  return value;
}

// `step` stays what and where it is, but for the implementations that read it on the device.
c10::IValue cast_step(const c10::IValue& value, const at::Tensor& parameter, bool tensor_step, bool on_device,
                      bool fused) {
  if (value.isTensor()) {
    const auto& t = value.toTensor();
    return on_device ? t.detach().to(parameter.device(), at::kFloat, false, true) : t.detach().clone();
  }
  if (!tensor_step || !(value.isDouble() || value.isInt())) return value;
  const double number = value.isInt() ? static_cast<double>(value.toInt()) : value.toDouble();
  return at::scalar_tensor(number,
                           at::device(on_device ? parameter.device() : at::Device(at::kCPU)).dtype(step_dtype(fused)));
}

// What is a tensor beside `step`, and was a number in the files of older releases: `mu_product` of NAdam.
bool was_number(const OptimizerRow& row, std::string_view key, const c10::IValue& value) {
  return row.tensor_step && (value.isDouble() || value.isInt()) &&
         std::any_of(row.state.begin(), row.state.end(), [&](const char* name) { return key == name; });
}

bool flag_or_false(const OptimizerRow& row, const Group& group, const char* name) {
  return has_option(row, name) && group.choice(name).value_or(false);
}

}  // namespace

void Optimizer::load_state(std::vector<std::pair<size_t, State>> loaded, const std::vector<Group>& groups) {
  if (groups.size() != groups_.size()) refuse("the values of every parameter group are needed");
  at::NoGradGuard no_grad;
  std::vector<size_t> ends;
  for (const auto& group : groups_) ends.push_back(group.size() + (ends.empty() ? 0 : ends.back()));
  std::vector<State> states;
  for (const auto& [index, state] : loaded) {
    const auto& p = parameter(index);
    const auto& group = groups[std::upper_bound(ends.begin(), ends.end(), index) - ends.begin()];
    const bool fused = flag_or_false(row_, group, "fused");
    const bool on_device = fused || flag_or_false(row_, group, "capturable");
    State::Entries entries;
    for (const auto& [key, value] : state.entries()) {
      const bool as_step = key == "step" || was_number(row_, key, value);
      entries.emplace_back(
          key, as_step ? cast_step(value, p.value, row_.tensor_step, on_device, fused) : cast(value, p.value));
    }
    states.emplace_back(std::move(entries));
  }
  for (auto& [impl, p] : parameters_) {
    p->state = {};
    p->listed = false;
  }
  started_.clear();
  for (size_t i = 0; i < loaded.size(); ++i) set_state(loaded[i].first, std::move(states[i]));
}

Optimizer::Claim::Claim(std::shared_ptr<Optimizer> optimizer) : optimizer_(std::move(optimizer)) {
  if (optimizer_->busy_.exchange(true)) refuse("a stepAsync() of this optimizer is still running; await it first");
}

Optimizer::Claim::~Claim() { optimizer_->busy_ = false; }

}  // namespace libtorch_node
