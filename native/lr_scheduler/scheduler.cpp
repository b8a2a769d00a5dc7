#include "lr_scheduler/scheduler.h"

#include <cmath>

#include "core/convert.h"
#include "core/error.h"
#include "core/function.h"

namespace libtorch_node {

void init_swa_lr(Napi::Object exports);

double modulo(double a, double b) {
  if (b == 0) fail_argument("integer modulo by zero: an interval of 0 epochs");
  const double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

double divide(double a, double b) {
  if (b == 0) fail_argument("float division by zero");
  return a / b;
}

double floor_divide(double a, double b) { return (a - modulo(a, b)) / b; }

namespace {

using Info = Napi::CallbackInfo;

const SchedulerRow& row_of(const Napi::Value& name) {
  const auto text = to_string(name, "name");
  const auto* row = Registered<SchedulerRow>::find(text);
  if (row == nullptr) fail_argument("there is no scheduler " + text);
  return *row;
}

Napi::Value schedulers(const Info& info) {
  const auto env = info.Env();
  auto array = Napi::Array::New(env);
  for (const auto& row : Registered<SchedulerRow>::all()) {
    auto object = Napi::Object::New(env);
    object.Set("name", row.name);
    object.Set("doc", row.doc);
    auto options = Napi::Array::New(env);
    for (const auto& option : row.options) options.Set(options.Length(), describe_option(env, option));
    object.Set("options", options);
    object.Set("state", from_names(env, row.state));
    object.Set("hasClosedForm", row.closed_form != nullptr);
    array.Set(array.Length(), object);
  }
  return array;
}

Values values_of(const SchedulerRow& row, std::vector<const char*>& names, const Napi::Value& array) {
  for (const auto& option : row.options) names.push_back(option.name);
  return {row.name, names, array};
}

// checkScheduler(name, options)
Napi::Value check_scheduler(const Info& info) {
  const auto& row = row_of(info[0]);
  std::vector<const char*> names;
  const auto options = values_of(row, names, info[1]);
  if (row.check != nullptr) row.check(options);
  return info.Env().Undefined();
}

// schedulerMath(function, a, b)
Napi::Value scheduler_math(const Info& info) {
  const auto name = to_string(info[0], "function");
  const auto a = to_double(info[1], "a");
  const auto result = [&] {
    if (name == "cos") return std::cos(a);
    if (name == "log") return std::log(a);
    if (name == "pow") return std::pow(a, to_double(info[2], "b"));
    fail_argument("there is no function " + name);
  }();
  return Napi::Number::New(info.Env(), result);
}

// schedulerRates(name, options, {epoch, stepCount, initial}, closedForm, lrs, baseLrs, single)
Napi::Value scheduler_rates(const Info& info) {
  const auto& row = row_of(info[0]);
  std::vector<const char*> names;
  const auto options = values_of(row, names, info[1]);
  const auto count = info[2].As<Napi::Object>();
  const auto formula = to_bool(info[3], "closedForm") && row.closed_form != nullptr ? row.closed_form : row.lr;
  const auto lrs = info[4].As<Napi::Array>();
  const auto base_lrs = info[5].As<Napi::Array>();
  const auto single = info[6].As<Napi::Array>();
  auto result = Napi::Array::New(info.Env(), lrs.Length());
  for (uint32_t i = 0; i < lrs.Length(); ++i) {
    const bool is_single = to_bool(single.Get(i), "single");
    const auto rate = formula(options, {.lr = {to_double(lrs.Get(i), "lr"), is_single},
                                        .base_lr = {to_double(base_lrs.Get(i), "base_lr"), is_single},
                                        .epoch = to_double(count.Get("epoch"), "last_epoch"),
                                        .step_count = to_int(count.Get("stepCount"), "_step_count"),
                                        .initial = to_bool(count.Get("initial"), "_is_initial")});
    result.Set(i, Napi::Number::New(info.Env(), rate.value));
  }
  return result;
}

}  // namespace

void init_lr_scheduler(Napi::Env, Napi::Object exports) {
  export_function<schedulers>(exports, "schedulers");
  export_function<check_scheduler>(exports, "checkScheduler");
  export_function<scheduler_math>(exports, "schedulerMath");
  export_function<scheduler_rates>(exports, "schedulerRates");
  init_swa_lr(exports);
}

}  // namespace libtorch_node
