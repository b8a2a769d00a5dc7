// Linear, Bilinear, Identity. Source: torch/nn/modules/linear.py of PyTorch 2.13. The modules are ours: those of
// torch::nn cannot be without inputs, as the limit of their first values divides by the number of them.
#include <ATen/Functions.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/linear.h>

#include <cmath>

#include "core/error.h"
#include "nn/module.h"

namespace libtorch_node::layers {

namespace {

class Linear : public nn::Cloneable<Linear> {
 public:
  explicit Linear(const nn::LinearOptions& options_) : options(options_) { Linear::reset(); }
  void reset() override {
    weight = at::empty({options.out_features(), options.in_features()}).set_requires_grad(true);
    if (options.bias()) bias = at::empty({options.out_features()}).set_requires_grad(true);
    reset_parameters();
  }
  void reset_parameters() {
    if (weight.numel() == 0) {
      TORCH_WARN_ONCE("Initializing zero-element tensors is a no-op");
    } else {
      nn::init::kaiming_uniform_(weight, std::sqrt(5));
    }
    if (!bias.defined()) return;
    const auto fan_in = weight.size(1);
    const double bound = fan_in > 0 ? 1 / std::sqrt(static_cast<double>(fan_in)) : 0;
    nn::init::uniform_(bias, 0 - bound, bound);  // no negative zero: it would show in the bias
  }
  // torch::nn multiplies and adds in two steps beyond two dimensions, which gives other bits than Python's one
  at::Tensor forward(const at::Tensor& input) { return at::linear(input, weight, bias); }

  nn::LinearOptions options;
  at::Tensor weight;
  at::Tensor bias;
};

class Bilinear : public nn::Cloneable<Bilinear> {
 public:
  explicit Bilinear(const nn::BilinearOptions& options_) : options(options_) { Bilinear::reset(); }
  void reset() override {
    weight = at::empty({options.out_features(), options.in1_features(), options.in2_features()});
    weight.set_requires_grad(true);
    if (options.bias()) bias = at::empty({options.out_features()}).set_requires_grad(true);
    reset_parameters();
  }
  void reset_parameters() {
    if (options.in1_features() <= 0) {
      fail_argument("in1_features must be > 0, but got (in1_features=" + std::to_string(options.in1_features()) + ")");
    }
    const double bound = 1 / std::sqrt(static_cast<double>(weight.size(1)));
    nn::init::uniform_(weight, -bound, bound);
    if (bias.defined()) nn::init::uniform_(bias, -bound, bound);
  }

  nn::BilinearOptions options;
  at::Tensor weight;
  at::Tensor bias;
};

const char* const kBias = "whether a bias is learned and added; without, `bias` is null";

}  // namespace

static const Registered<Row> kLinear{row<Linear, nn::LinearOptions>({
    .name = "Linear",
    .doc = "Applies `y = x Aᵀ + b`.\n"
           "Shape: input `(*, inFeatures)` → output `(*, outFeatures)`; `weight` `(outFeatures, inFeatures)`, `bias` "
           "`(outFeatures)`.",
    .seed = {0, 0},
    .arguments = {REQ(in_features, "size of each input sample, >= 0"),
                  REQ(out_features, "size of each output sample, >= 0"), OPT(bias, kBias), DEVICE, DTYPE},
    .tensors = {PARAMETER(weight), PARAMETER(bias)},
    .repr = text("in_features={in_features}, out_features={out_features}, bias={bias}"),
})};

static const Registered<Row> kBilinear{row<Bilinear, nn::BilinearOptions>({
    .name = "Bilinear",
    .doc = "Applies `y = x₁ᵀ A x₂ + b`.\n"
           "Shape: inputs `(*, in1Features)` and `(*, in2Features)` → output `(*, outFeatures)`; `weight` "
           "`(outFeatures, in1Features, in2Features)`, `bias` `(outFeatures)`.",
    .seed = {0, 0, 0},
    .arguments = {REQ(in1_features, "size of each first input sample, > 0"),
                  REQ(in2_features, "size of each second input sample, >= 0"),
                  REQ(out_features, "size of each output sample, >= 0"), OPT(bias, kBias), DEVICE, DTYPE},
    .tensors = {PARAMETER(weight), PARAMETER(bias)},
    .inputs = {"input1", "input2"},
    .repr = text("in1_features={in1_features}, in2_features={in2_features}, out_features={out_features}, bias={bias}"),
    .forward = [](auto& m, Inputs in) { return at::bilinear(in[0], in[1], m.weight, m.bias); },
})};

static const Registered<Row> kIdentity{row<nn::IdentityImpl>({
    .name = "Identity",
    .doc = "Gives back its input.\nShape: `(*)` → the same.",
    .seed = {},
})};

}  // namespace libtorch_node::layers
