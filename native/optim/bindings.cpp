// The exports of this room: rows, optimizers, and their state as JavaScript values.
#include "core/async.h"
#include "core/convert.h"
#include "core/error.h"
#include "core/function.h"
#include "core/memory.h"
#include "core/tensor.h"
#include "optim/implementation.h"
#include "optim/optimizer.h"

namespace libtorch_node {

namespace {

using Info = Napi::CallbackInfo;
using Claim = Optimizer::Claim;

Claim claim(const Info& info) { return Claim(unwrap<Optimizer>(info[0], "optimizer")); }

Napi::Array from_options(Napi::Env env, const std::vector<Option>& options) {
  auto array = Napi::Array::New(env, options.size());
  for (uint32_t i = 0; i < options.size(); ++i) array.Set(i, describe_option(env, options[i]));
  return array;
}

Napi::Value optimizers(const Info& info) {
  const auto env = info.Env();
  auto array = Napi::Array::New(env);
  for (const auto& row : Registered<OptimizerRow>::all()) {
    auto object = Napi::Object::New(env);
    object.Set("name", row.name);
    object.Set("doc", row.doc);
    object.Set("options", from_options(env, row.options));
    object.Set("keywords", from_options(env, row.keywords));
    object.Set("fixed", from_options(env, row.fixed));
    object.Set("defaults", from_names(env, row.defaults));
    auto ints = Napi::Array::New(env);
    for (const auto& [option, place] : row.ints) {
      auto pair = Napi::Array::New(env, 2);
      pair.Set(0u, Napi::String::New(env, option));
      pair.Set(1u, Napi::Number::New(env, place));
      ints.Set(ints.Length(), pair);
    }
    object.Set("ints", ints);
    object.Set("state", from_names(env, row.state));
    object.Set("older", from_options(env, row.older));
    object.Set("startsAtOnce", row.starts_at_once);
    object.Set("checksParams", row.check_params != nullptr);
    array.Set(array.Length(), object);
  }
  return array;
}

// optimizerCapturableOnCpu(whether)
Napi::Value set_capturable_on_cpu(const Info& info) {
  capturable_on_cpu = to_bool(info[0], "whether");
  return info.Env().Undefined();
}

// newOptimizer(name, defaults)
Napi::Value new_optimizer(const Info& info) {
  const auto name = to_string(info[0], "name");
  const auto* row = Registered<OptimizerRow>::find(name);
  if (row == nullptr) refuse("there is no optimizer " + name);
  const Values defaults(row->name, row->defaults, info[1]);
  return make_handle(info.Env(), std::make_shared<Optimizer>(*row, defaults));
}

// optimizerSetParams(optimizer, groups)
Napi::Value set_params(const Info& info) {
  const auto optimizer = claim(info);
  const auto given = info[1].As<Napi::Array>();
  std::vector<std::vector<at::Tensor>> groups;
  for (uint32_t i = 0; i < given.Length(); ++i) {
    auto& group = groups.emplace_back();
    const auto tensors = Napi::Value(given.Get(i)).As<Napi::Array>();
    for (uint32_t j = 0; j < tensors.Length(); ++j) group.push_back(unwrap_tensor(tensors.Get(j), "params"));
  }
  optimizer->set_params(groups);
  return info.Env().Undefined();
}

std::vector<Group> to_groups(const OptimizerRow& row, const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<Group> groups;
  const auto length = array.Length();
  groups.reserve(length);
  for (uint32_t i = 0; i < length; ++i) groups.emplace_back(row.name, row.defaults, array.Get(i));
  return groups;
}

// optimizerStart(optimizer, groups)
Napi::Value start(const Info& info) {
  const auto optimizer = claim(info);
  auto groups = to_groups(optimizer->row(), info[1]);
  optimizer->start(groups);
  account(info.Env());
  return info.Env().Undefined();
}

Scaling to_scaling(const Napi::Value& grad_scale, const Napi::Value& found_inf) {
  const auto tensor = [](const Napi::Value& value, const char* name) {
    return value.IsNull() || value.IsUndefined() ? at::Tensor() : unwrap_tensor(value, name);
  };
  return {tensor(grad_scale, "gradScale"), tensor(found_inf, "foundInf")};
}

// optimizerStep(optimizer, groups, gradScale, foundInf)
Napi::Value step(const Info& info) {
  const auto optimizer = claim(info);
  auto groups = to_groups(optimizer->row(), info[1]);
  optimizer->step(groups, to_scaling(info[2], info[3]));
  account(info.Env());
  return info.Env().Undefined();
}

Napi::Value step_async(const Info& info) {
  auto held = std::make_shared<Claim>(unwrap<Optimizer>(info[0], "optimizer"));
  auto groups = to_groups((*held)->row(), info[1]);
  return run_async(info.Env(), [held, groups = std::move(groups), scaling = to_scaling(info[2], info[3])]() mutable {
    (*held)->step(groups, scaling);
  });
}

Napi::Value zero_grad(const Info& info) {
  claim(info)->zero_grad(to_bool(info[1], "setToNone"));
  account(info.Env());
  return info.Env().Undefined();
}

// An int goes as a bigint, and a float as a number: JavaScript cannot tell 1 from 1.0.
Napi::Value from_entry(Napi::Env env, const c10::IValue& value) {
  if (value.isInt()) return Napi::BigInt::New(env, value.toInt());
  if (!value.isList()) return from_ivalue(env, value);
  const auto list = value.toListRef();
  auto array = Napi::Array::New(env, list.size());
  for (uint32_t i = 0; i < list.size(); ++i) array.Set(i, from_entry(env, list[i]));
  return array;
}

c10::IValue to_entry(const Napi::Value& value) {
  if (value.IsNull()) return {};
  if (value.IsNumber()) return value.As<Napi::Number>().DoubleValue();
  if (value.IsBigInt()) return to_int(value, "state");
  if (value.IsBoolean()) return value.As<Napi::Boolean>().Value();
  if (value.IsArray()) {
    const auto array = value.As<Napi::Array>();
    c10::impl::GenericList list(c10::AnyType::get());
    for (uint32_t i = 0; i < array.Length(); ++i) list.push_back(to_entry(array.Get(i)));
    return list;
  }
  if (auto* impl = value.IsObject() ? tensor_impl(value.Env(), value) : nullptr) return borrow(impl);
  fail_argument("a state of an optimizer may not be " + kind_name(value));
}

State to_state(const Napi::Value& value) {
  if (value.IsNull()) return {};
  const auto array = value.As<Napi::Array>();
  State::Entries entries;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const auto entry = Napi::Value(array.Get(i)).As<Napi::Array>();
    entries.emplace_back(to_string(entry.Get(0u), "the key of a state"), to_entry(entry.Get(1u)));
  }
  return State(std::move(entries));
}

size_t to_index(const Napi::Value& value) { return static_cast<size_t>(to_int(value, "index")); }

Napi::Value state_indices(const Info& info) {
  const auto indices = claim(info)->state_indices();
  auto array = Napi::Array::New(info.Env(), indices.size());
  for (uint32_t i = 0; i < indices.size(); ++i)
    array.Set(i, Napi::Number::New(info.Env(), static_cast<double>(indices[i])));
  return array;
}

// optimizerState(optimizer, index)
Napi::Value get_state(const Info& info) {
  const auto optimizer = claim(info);
  const auto& entries = optimizer->state(to_index(info[1])).entries();
  auto array = Napi::Array::New(info.Env(), entries.size());
  for (uint32_t i = 0; i < entries.size(); ++i) {
    auto entry = Napi::Array::New(info.Env(), 2);
    entry.Set(0u, Napi::String::New(info.Env(), entries[i].first));
    entry.Set(1u, from_entry(info.Env(), entries[i].second));
    array.Set(i, entry);
  }
  return array;
}

// optimizerSetState(optimizer, index, entries | null)
Napi::Value set_state(const Info& info) {
  claim(info)->set_state(to_index(info[1]), to_state(info[2]));
  return info.Env().Undefined();
}

// optimizerLoadState(optimizer, [{index, entries}], groups)
Napi::Value load_state(const Info& info) {
  const auto optimizer = claim(info);
  const auto given = info[1].As<Napi::Array>();
  std::vector<std::pair<size_t, State>> loaded;
  for (uint32_t i = 0; i < given.Length(); ++i) {
    const auto item = Napi::Value(given.Get(i)).As<Napi::Object>();
    loaded.emplace_back(to_index(item.Get("index")), to_state(item.Get("entries")));
  }
  optimizer->load_state(std::move(loaded), to_groups(optimizer->row(), info[2]));
  account(info.Env());
  return info.Env().Undefined();
}

}  // namespace

void init_optim(Napi::Env, Napi::Object exports) {
  export_function<optimizers>(exports, "optimizers");
  export_function<new_optimizer>(exports, "newOptimizer");
  export_function<set_params>(exports, "optimizerSetParams");
  export_function<set_capturable_on_cpu>(exports, "optimizerCapturableOnCpu");
  export_function<start>(exports, "optimizerStart");
  export_function<step>(exports, "optimizerStep");
  export_function<step_async>(exports, "optimizerStepAsync");
  export_function<zero_grad>(exports, "optimizerZeroGrad");
  export_function<state_indices>(exports, "optimizerStateIndices");
  export_function<get_state>(exports, "optimizerState");
  export_function<set_state>(exports, "optimizerSetState");
  export_function<load_state>(exports, "optimizerLoadState");
}

}  // namespace libtorch_node
