// Activations of straight pieces between given bounds. Source: torch/nn/modules/activation.py and
// torch/nn/functional.py, PyTorch 2.13. ReLU6 is a Hardtanh, in lib/nn/relu6.ts.
#include <ATen/Functions.h>
#include <torch/nn/modules/activation.h>

#include "core/error.h"
#include "nn/module.h"

namespace libtorch_node::layers {

namespace {

/** Python's layers do not print `inplace` here. */
template <at::Tensor (*fresh)(const at::Tensor&), at::Tensor& (*in_place)(at::Tensor&)>
Row silent_row(const char* name, const char* doc) {
  return plain_row<InplaceOptions>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = {OPT(inplace, kInplace)},
      .forward = [](auto& m, Inputs in) -> at::Tensor {
        if (!m.options.inplace()) return fresh(in[0]);
        auto x = in[0];
        return in_place(x);
      },
  });
}

/** Hardshrink and Softshrink; Python's name of the option is no name in its own language. */
template <class M, class Options>
Row shrink_row(const char* name, const char* doc) {
  return row<M, Options>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = {NamedArgument{"lambd", false, "values between -lambd and lambd become 0; >= 0",
                                  [](auto& o) -> auto& { return o.lambda(); }}},
      .repr = text("{lambd}"),
  });
}

Argument old_name(const char* name, const char* now) {
  return constructor_only(name, "number | null", std::string("PyTorch's old name of `") + now + "`, which it replaces");
}

bool is_given(const Napi::Value& value) { return !value.IsUndefined() && !value.IsNull(); }

/** A bound under its name of today or of once; gives it as Python prints it, which depends on how it was written. */
std::string settle_bound(double& bound, const Napi::Value& value, const Napi::Value& old, const char* where) {
  if (is_given(old)) bound = read_option<double>(old, where);
  auto text = python_float(bound);
  // A whole number was most likely written without a fraction.
  if ((is_given(old) || is_given(value)) && text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

void settle_bounds(nn::HardtanhOptions& o, const Given& given) {
  const auto old_min = given("min_value"), old_max = given("max_value");
  if (is_given(old_min)) {
    TORCH_WARN_ONCE("keyword argument `min_value` is deprecated and renamed to `min_val`");
  }
  if (is_given(old_max)) {
    TORCH_WARN_ONCE("keyword argument `max_value` is deprecated and renamed to `max_val`");
  }
  const auto low = settle_bound(o.min_val(), given("min_val"), old_min, "Hardtanh: expected minValue");
  const auto high = settle_bound(o.max_val(), given("max_val"), old_max, "Hardtanh: expected maxValue");
  if (o.max_val() <= o.min_val()) {
    fail_argument("max_val (" + high + ") must be greater than min_val (" + low + ")");
  }
}

}  // namespace

static const Registered<Row> kHardtanh{plain_row<nn::HardtanhOptions>({
    .name = "Hardtanh",
    .doc = "`x`, but at least `minVal` and at most `maxVal`.\nShape: `(*)` → the same.",
    .seed = {},
    .arguments = {OPT(min_val, "smallest result"), OPT(max_val, "largest result, > minVal"), OPT(inplace, kInplace),
                  old_name("min_value", "minVal"), old_name("max_value", "maxVal")},
    .repr =
        [](const Words& w) { return w.format("min_val={min_val}, max_val={max_val}") + w.unless("False", "inplace"); },
    .prepare = settle_bounds,
    .forward = [](auto& m, Inputs in) -> at::Tensor {
      const auto& o = m.options;
      if (o.min_val() > o.max_val()) fail_argument("min_val cannot be greater than max_val");
      if (!o.inplace()) return at::hardtanh(in[0], o.min_val(), o.max_val());
      auto x = in[0];
      return at::hardtanh_(x, o.min_val(), o.max_val());
    },
})};

static const Registered<Row> kHardsigmoid{silent_row<at::hardsigmoid, at::hardsigmoid_>(
    "Hardsigmoid", "`x / 6 + 1 / 2`, but at least 0 and at most 1.\nShape: `(*)` → the same.")};

static const Registered<Row> kHardswish{
    silent_row<at::hardswish, at::hardswish_>("Hardswish", "`x` times its Hardsigmoid.\nShape: `(*)` → the same.")};

static const Registered<Row> kHardshrink{shrink_row<nn::HardshrinkImpl, nn::HardshrinkOptions>(
    "Hardshrink", "`x`, but 0 where it lies between -lambd and lambd.\nShape: `(*)` → the same.")};

static const Registered<Row> kSoftshrink{shrink_row<nn::SoftshrinkImpl, nn::SoftshrinkOptions>(
    "Softshrink", "`x` moved towards 0 by `lambd`, and 0 where it is nearer.\nShape: `(*)` → the same.")};

static const Registered<Row> kThreshold{row<nn::ThresholdImpl, nn::ThresholdOptions>({
    .name = "Threshold",
    .doc = "`x` where it is larger than `threshold`, else `value`.\nShape: `(*)` → the same.",
    .seed = {0, 0},
    .arguments = {REQ(threshold, "up to it elements are replaced"), REQ(value, "what replaces them"),
                  OPT(inplace, kInplace)},
    .repr =
        [](const Words& w) { return w.format("threshold={threshold}, value={value}") + w.unless("False", "inplace"); },
})};

}  // namespace libtorch_node::layers
