// Dropout. Source: torch/nn/modules/dropout.py and torch/nn/functional.py, PyTorch 2.13.
#include <ATen/Functions.h>
#include <torch/nn/options/dropout.h>

#include "core/error.h"
#include "nn/module.h"

namespace libtorch_node::layers {

namespace {

struct Call {
  double p;
  bool training;
  bool inplace;
};
using Drop = at::Tensor(const at::Tensor& input, const Call& call);

void check_probability(double p) {
  if (!(p < 0 || p > 1)) return;
  auto text = python_float(p);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  fail_argument("dropout probability has to be between 0 and 1, but got " + text);
}

Row dropout_row(const char* name, const char* doc, const char* inplace, Drop* drop) {
  return plain_row<nn::DropoutOptions>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = {OPT(p, "probability to be zeroed, in [0, 1]"), OPT(inplace, inplace)},
      .repr = text("p={p}, inplace={inplace}"),
      .prepare = [](nn::DropoutOptions& options, const Given&) { check_probability(options.p()); },
      .forward =
          [drop](auto& m, Inputs in) {
            check_probability(m.options.p());
            return drop(in[0], {m.options.p(), m.is_training(), m.options.inplace()});
          },
  });
}

const char* const kNotInplace = "kept and printed, but without effect, as in PyTorch";

at::Tensor drop_channels(const at::Tensor& input, const Call& call) {
  if (!call.inplace) return at::feature_dropout(input, call.p, call.training);
  auto x = input;
  return at::feature_dropout_(x, call.p, call.training);
}

/** The same with a batch of one around the input. */
at::Tensor drop_channels_unbatched(const at::Tensor& input, const Call& call) {
  if (!call.inplace) return drop_channels(input.unsqueeze(0), call).squeeze(0);
  auto x = input;
  return drop_channels(x.unsqueeze_(0), call).squeeze_(0);
}

std::string dims(const at::Tensor& input) { return std::to_string(input.dim()); }

at::Tensor dropout(const at::Tensor& input, const Call& call) {
  if (!call.inplace) return at::dropout(input, call.p, call.training);
  auto x = input;
  return at::dropout_(x, call.p, call.training);
}

at::Tensor dropout1d(const at::Tensor& input, const Call& call) {
  if (input.dim() != 2 && input.dim() != 3) {
    fail("ERR_SHAPE", "dropout1d: Expected 2D or 3D input, but received a " + dims(input) +
                          "D input. Note that dropout1d exists to provide channel-wise dropout on inputs with 1 "
                          "spatial dimension, a channel dimension, and an optional batch dimension (i.e. 2D or 3D "
                          "inputs).");
  }
  return input.dim() == 3 ? drop_channels(input, call) : drop_channels_unbatched(input, call);
}

at::Tensor dropout2d(const at::Tensor& input, const Call& call) {
  if (input.dim() != 3 && input.dim() != 4) {
    TORCH_WARN_ONCE("dropout2d: Received a ", dims(input),
                    "-D input to dropout2d, which is deprecated and will result in an error in a future release. To "
                    "retain the behavior and silence this warning, please use dropout instead. Note that dropout2d "
                    "exists to provide channel-wise dropout on inputs with 2 spatial dimensions, a channel dimension, "
                    "and an optional batch dimension (i.e. 3D or 4D inputs).");
  }
  if (input.dim() == 3) {
    TORCH_WARN_ONCE(
        "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired - "
        "input is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change in a future "
        "release to interpret the input as one without a batch dimension, i.e. shape (C, H, W). To maintain the 1D "
        "channel-wise dropout behavior, please switch to using dropout1d instead.");
  }
  return drop_channels(input, call);
}

at::Tensor dropout3d(const at::Tensor& input, const Call& call) {
  if (input.dim() != 4 && input.dim() != 5) {
    TORCH_WARN_ONCE("dropout3d: Received a ", dims(input),
                    "-D input to dropout3d, which is deprecated and will result in an error in a future release. To "
                    "retain the behavior and silence this warning, please use dropout instead. Note that dropout3d "
                    "exists to provide channel-wise dropout on inputs with 3 spatial dimensions, a channel dimension, "
                    "and an optional batch dimension (i.e. 4D or 5D inputs).");
  }
  return input.dim() == 5 ? drop_channels(input, call) : drop_channels_unbatched(input, call);
}

}  // namespace

static const Registered<Row> kDropout{dropout_row(
    "Dropout",
    "In training, zeroes elements at random and scales the others by `1 / (1 - p)`; in eval() it gives back its "
    "input.\n"
    "Shape: `(*)` → the same.",
    kInplace, dropout)};

static const Registered<Row> kDropout1d{
    dropout_row("Dropout1d", "Dropout of whole channels of signals.\nShape: `(N, C, L)` or `(C, L)` → the same.",
                kInplace, dropout1d)};

static const Registered<Row> kDropout2d{
    dropout_row("Dropout2d",
                "Dropout of whole channels of images; three dimensions are read as `(N, C, L)`.\n"
                "Shape: `(N, C, H, W)` or `(N, C, L)` → the same.",
                kInplace, dropout2d)};

static const Registered<Row> kDropout3d{dropout_row(
    "Dropout3d", "Dropout of whole channels of volumes.\nShape: `(N, C, D, H, W)` or `(C, D, H, W)` → the same.",
    kInplace, dropout3d)};

static const Registered<Row> kAlphaDropout{dropout_row(
    "AlphaDropout",
    "Dropout that keeps mean and variance, for SELU: elements become SELU's negative limit at random.\n"
    "Shape: `(*)` → the same.",
    kNotInplace,
    [](const at::Tensor& input, const Call& call) { return at::alpha_dropout(input, call.p, call.training); })};

static const Registered<Row> kFeatureAlphaDropout{dropout_row(
    "FeatureAlphaDropout", "AlphaDropout of whole channels.\nShape: `(N, C, *)` → the same.", kNotInplace,
    [](const at::Tensor& input, const Call& call) { return at::feature_alpha_dropout(input, call.p, call.training); })};

}  // namespace libtorch_node::layers
