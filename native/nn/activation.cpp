// Smooth activations, and those of which every piece is linear in no more than a slope. Words:
// torch/nn/modules/activation.py of PyTorch 2.13. Their kin: activation_bounded.cpp and softmax.cpp.
#include <ATen/Functions.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/activation.h>

#include "nn/module.h"

namespace libtorch_node::layers {

namespace {

/** An activation without numbers; torch::nn has several of them without `inplace`. */
template <at::Tensor (*fresh)(const at::Tensor&), at::Tensor& (*in_place)(at::Tensor&)>
Row inplace_row(const char* name, const char* doc) {
  return plain_row<InplaceOptions>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = {OPT(inplace, kInplace)},
      .repr = kInplaceOnly,
      .forward = [](auto& m, Inputs in) -> at::Tensor {
        if (!m.options.inplace()) return fresh(in[0]);
        auto x = in[0];
        return in_place(x);
      },
  });
}

/** ELU and CELU. */
template <class M, class Options>
Row alpha_row(const char* name, const char* doc, const char* alpha) {
  return row<M, Options>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = {OPT(alpha, alpha), OPT(inplace, kInplace)},
      .repr = [](const Words& w) { return w.format("alpha={alpha}") + w.unless("False", "inplace"); },
  });
}

ArgumentOf<nn::GELUOptions> approximate() {
  ArgumentOf<nn::GELUOptions> argument = OPT(approximate, "'none', or 'tanh' for the approximation by tanh");
  argument.accepts = argument.gives = "'none' | 'tanh'";
  return argument;
}

/** That of torch::nn makes its weight by an operator that knows nothing of `device` and `dtype`. */
class PReLU : public nn::Cloneable<PReLU> {
 public:
  explicit PReLU(const nn::PReLUOptions& options_) : options(options_) { PReLU::reset(); }
  void reset() override {
    weight = at::empty({options.num_parameters()}).set_requires_grad(true);
    reset_parameters();
  }
  void reset_parameters() { nn::init::constant_(weight, options.init()); }
  at::Tensor forward(const at::Tensor& input) { return at::prelu(input, weight); }

  nn::PReLUOptions options;
  at::Tensor weight;
};

}  // namespace

static const Registered<Row> kReLU{
    inplace_row<at::relu, at::relu_>("ReLU", "`max(0, x)` of each element.\nShape: `(*)` → the same.")};

static const Registered<Row> kLeakyReLU{row<nn::LeakyReLUImpl, nn::LeakyReLUOptions>({
    .name = "LeakyReLU",
    .doc = "`x` where positive, else `negativeSlope · x`.\nShape: `(*)` → the same.",
    .seed = {},
    .arguments = {OPT(negative_slope, "factor of negative values"), OPT(inplace, kInplace)},
    .repr = [](const Words& w) { return w.format("negative_slope={negative_slope}") + w.unless("False", "inplace"); },
})};

static const Registered<Row> kRReLU{row<nn::RReLUImpl, nn::RReLUOptions>({
    .name = "RReLU",
    .doc =
        "`x` where positive, else `a · x`: in training `a` is drawn for each element between `lower` and `upper`, in "
        "eval() it is their mean.\n"
        "Shape: `(*)` → the same.",
    .seed = {},
    .arguments = {OPT(lower, "smallest factor of negative values"),
                  OPT(upper, "largest factor of negative values, >= lower"), OPT(inplace, kInplace)},
    .repr = [](const Words& w) { return w.format("lower={lower}, upper={upper}") + w.unless("False", "inplace"); },
})};

static const Registered<Row> kPReLU{row<PReLU, nn::PReLUOptions>({
    .name = "PReLU",
    .doc = "`x` where positive, else `weight · x`; the weight is learned.\n"
           "Shape: `(N, C, *)` or `(*)` → the same; `weight` `(numParameters)`.",
    .seed = {},
    .arguments = {OPT(num_parameters, "1, or one weight for each of the channels C"),
                  OPT(init, "first value of the weight"), DEVICE, DTYPE},
    .tensors = {PARAMETER(weight)},
    .repr = text("num_parameters={num_parameters}"),
})};

static const Registered<Row> kELU{alpha_row<nn::ELUImpl, nn::ELUOptions>(
    "ELU", "`x` where positive, else `alpha · (exp(x) - 1)`.\nShape: `(*)` → the same.", "factor of negative values")};

static const Registered<Row> kCELU{alpha_row<nn::CELUImpl, nn::CELUOptions>(
    "CELU", "`x` where positive, else `alpha · (exp(x / alpha) - 1)`.\nShape: `(*)` → the same.",
    "factor of negative values and, inversely, of their exponent; not 0")};

static const Registered<Row> kSELU{inplace_row<at::selu, at::selu_>(
    "SELU",
    "ELU with the `alpha` and the scale under which the mean 0 and the variance 1 of a layer stay.\n"
    "Shape: `(*)` → the same.")};

static const Registered<Row> kGELU{row<nn::GELUImpl, nn::GELUOptions>({
    .name = "GELU",
    .doc = "`x · Φ(x)`, where Φ is the cumulative normal distribution.\nShape: `(*)` → the same.",
    .seed = {},
    .arguments = {approximate()},
    .repr = text("approximate='{approximate}'"),
})};

static const Registered<Row> kSiLU{
    inplace_row<at::silu, at::silu_>("SiLU", "`x · σ(x)`, where σ is the logistic sigmoid.\nShape: `(*)` → the same.")};

static const Registered<Row> kMish{
    inplace_row<at::mish, at::mish_>("Mish", "`x · tanh(log(1 + exp(x)))`.\nShape: `(*)` → the same.")};

static const Registered<Row> kGLU{row<nn::GLUImpl, nn::GLUOptions>({
    .name = "GLU",
    .doc = "The first half of a dimension times the logistic sigmoid of its second half.\n"
           "Shape: `(*, N, *)` → `(*, N / 2, *)`; N is even.",
    .seed = {},
    .arguments = {OPT(dim, "dimension that is halved")},
    .repr = text("dim={dim}"),
})};

static const Registered<Row> kSigmoid{row<nn::SigmoidImpl>({
    .name = "Sigmoid",
    .doc = "`1 / (1 + exp(-x))` of each element.\nShape: `(*)` → the same.",
    .seed = {},
})};

static const Registered<Row> kLogSigmoid{row<nn::LogSigmoidImpl>({
    .name = "LogSigmoid",
    .doc = "The logarithm of the logistic sigmoid of each element.\nShape: `(*)` → the same.",
    .seed = {},
})};

static const Registered<Row> kTanh{row<nn::TanhImpl>({
    .name = "Tanh",
    .doc = "The hyperbolic tangent of each element.\nShape: `(*)` → the same.",
    .seed = {},
})};

static const Registered<Row> kTanhshrink{row<nn::TanhshrinkImpl>({
    .name = "Tanhshrink",
    .doc = "`x - tanh(x)` of each element.\nShape: `(*)` → the same.",
    .seed = {},
})};

static const Registered<Row> kSoftsign{row<nn::SoftsignImpl>({
    .name = "Softsign",
    .doc = "`x / (1 + |x|)` of each element.\nShape: `(*)` → the same.",
    .seed = {},
})};

static const Registered<Row> kSoftplus{row<nn::SoftplusImpl, nn::SoftplusOptions>({
    .name = "Softplus",
    .doc = "`log(1 + exp(beta · x)) / beta`: a smooth ReLU.\nShape: `(*)` → the same.",
    .seed = {},
    .arguments = {OPT(beta, "how sharp the bend is; not 0"),
                  OPT(threshold, "where `beta · x` is larger, the result is `x` itself")},
    .repr = text("beta={beta}, threshold={threshold}"),
})};

}  // namespace libtorch_node::layers
