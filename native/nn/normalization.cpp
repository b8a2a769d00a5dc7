// LayerNorm, RMSNorm, GroupNorm, LocalResponseNorm, CrossMapLRN2d. Source: torch/nn/modules/normalization.py and
// torch/nn/functional.py, PyTorch 2.13 (cf30153c). torch::nn has no `bias` option and no RMSNorm.
#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/init.h>

#include "core/error.h"
#include "nn/module.h"

namespace libtorch_node::layers {

namespace {

/** A scale of ones and, beside it, a shift of zeros. */
template <class Options>
class Scaled : public nn::Cloneable<Scaled<Options>> {
 public:
  explicit Scaled(const Options& options_) : options(options_) { Scaled::reset(); }
  void reset() override {
    if (!options.scaled()) return;
    weight = nn::init::ones_(at::empty(options.sizes()).set_requires_grad(true));
    if (options.bias()) bias = nn::init::zeros_(at::empty(options.sizes()).set_requires_grad(true));
  }
  Options options;
  at::Tensor weight;
  at::Tensor bias;
};

struct LayerNormOptions {
  TORCH_ARG(std::vector<int64_t>, normalized_shape);
  TORCH_ARG(double, eps) = 1e-5;
  TORCH_ARG(bool, elementwise_affine) = true;
  TORCH_ARG(bool, bias) = true;

 public:
  bool scaled() const { return elementwise_affine_; }
  c10::IntArrayRef sizes() const { return normalized_shape_; }
};

struct RMSNormOptions {
  TORCH_ARG(std::vector<int64_t>, normalized_shape);
  TORCH_ARG(std::optional<double>, eps) = std::nullopt;
  TORCH_ARG(bool, elementwise_affine) = true;

 public:
  bool scaled() const { return elementwise_affine_; }
  bool bias() const { return false; }
  c10::IntArrayRef sizes() const { return normalized_shape_; }
};

struct GroupNormOptions {
  TORCH_ARG(int64_t, num_groups) = 0;
  TORCH_ARG(int64_t, num_channels) = 0;
  TORCH_ARG(double, eps) = 1e-5;
  TORCH_ARG(bool, affine) = true;
  TORCH_ARG(bool, bias) = true;

 public:
  bool scaled() const { return affine_; }
  c10::IntArrayRef sizes() const { return num_channels_; }
};

at::Tensor group_norm(const Scaled<GroupNormOptions>& m, const at::Tensor& x) {
  const auto& o = m.options;
  if (x.dim() < 2) {
    fail("ERR_SHAPE", "Expected at least 2 dimensions for input tensor but received " + std::to_string(x.dim()));
  }
  if (o.num_groups() == 0) fail_argument("integer division or modulo by zero");
  // Python looks at these sizes as if each group were a channel.
  std::vector<int64_t> sizes{x.size(0) * x.size(1) / o.num_groups(), o.num_groups()};
  sizes.insert(sizes.end(), x.sizes().begin() + 2, x.sizes().end());
  int64_t values = sizes[0];
  for (size_t i = 2; i < sizes.size(); ++i) values *= sizes[i];
  if (values == 1) {
    const auto text = python_tuple(sizes);
    fail("ERR_SHAPE", "Expected more than 1 value per channel when training, got input size [" +
                          text.substr(1, text.size() - 2) + "]");
  }
  return at::group_norm(x, o.num_groups(), m.weight, m.bias, o.eps(), at::globalContext().userEnabledCuDNN());
}

struct ResponseOptions {
  TORCH_ARG(int64_t, size) = 0;
  TORCH_ARG(double, alpha) = 1e-4;
  TORCH_ARG(double, beta) = 0.75;
  TORCH_ARG(double, k) = 1;
};

at::Tensor local_response_norm(const ResponseOptions& o, const at::Tensor& x) {
  if (x.dim() < 3)
    fail("ERR_SHAPE", "Expected 3D or higher dimensionality                          input (got " +
                          std::to_string(x.dim()) + " dimensions)");
  if (x.numel() == 0) return x;
  // Python rounds to below, also below zero
  const auto before = o.size() >> 1, after = (o.size() - 1) >> 1;
  auto div = x.mul(x);
  if (x.dim() == 3) {
    div = at::pad(div.unsqueeze(1), {0, 0, before, after});
    div = at::avg_pool2d(div, {o.size(), 1}, 1).squeeze(1);
  } else {
    div = at::pad(div.view({x.size(0), 1, x.size(1), x.size(2), -1}), {0, 0, 0, 0, before, after});
    div = at::avg_pool3d(div, {o.size(), 1, 1}, 1).squeeze(1).view(x.sizes());
  }
  return x / div.mul(o.alpha()).add(o.k()).pow(o.beta());
}

/** torch/nn/modules/_functions.py; that of torch::nn divides integers, so that an even size goes wrong. */
class CrossMap : public torch::autograd::Function<CrossMap> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, int64_t size, double alpha,
                            double beta, double k) {
    auto scale = at::empty_like(x, at::MemoryFormat::Contiguous);
    auto output = at::empty_like(x, at::MemoryFormat::Contiguous);
    const auto channels = x.size(1);
    at::pow_out(output, x, 2);  // squares, until it holds the result
    const auto ahead = static_cast<int64_t>(static_cast<double>(size - 1) / 2 + 1);
    auto first = scale.select(1, 0).zero_();
    for (int64_t c = 0; c < std::min(ahead, channels); ++c) first.add_(output.select(1, c));
    for (int64_t c = 1; c < channels; ++c) {
      auto current = scale.select(1, c).copy_(scale.select(1, c - 1));
      if (c < channels - ahead + 1) current.add_(output.select(1, c + ahead - 1));
      if (c > ahead) current.add_(output.select(1, c - ahead), -1);
    }
    scale.mul_(alpha / static_cast<double>(size)).add_(k);
    at::pow_out(output, scale, -beta);
    output.mul_(x);
    context->save_for_backward({x, output});
    context->saved_data["scale"] = scale;
    context->saved_data["size"] = size;
    context->saved_data["alpha"] = alpha;
    context->saved_data["beta"] = beta;
    return output;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &output = saved[1], &gradient = gradients[0];
    const auto scale = context->saved_data["scale"].toTensor();
    const auto size = context->saved_data["size"].toInt();
    const auto beta = context->saved_data["beta"].toDouble();
    const auto channels = x.size(1);
    const auto factor = 2 * context->saved_data["alpha"].toDouble() * beta / static_cast<double>(size);
    const auto offset = static_cast<int64_t>(static_cast<double>(size) - static_cast<double>(size - 1) / 2);

    auto padded = at::zeros({channels + size - 1, x.size(2), x.size(3)}, x.options());
    auto sum = at::empty({x.size(2), x.size(3)}, x.options());
    auto result = at::empty_like(x, at::MemoryFormat::Contiguous);
    at::pow_out(result, scale, -beta).mul_(gradient);
    auto center = padded.narrow(0, offset, channels);
    for (int64_t n = 0; n < x.size(0); ++n) {
      at::mul_out(center, gradient[n], output[n]);
      center.div_(scale[n]);
      at::sum_out(sum, padded.narrow(0, 0, size - 1), 0);
      for (int64_t c = 0; c < channels; ++c) {
        sum.add_(padded[c + size - 1]);
        result[n][c].addcmul_(x[n][c], sum, -factor);
        sum.add_(padded[c], -1);
      }
    }
    return {result, {}, {}, {}, {}};
  }
};

std::vector<ArgumentOf<ResponseOptions>> response_arguments() {
  return {REQ(size, "number of neighbouring channels, > 0"), OPT(alpha, "factor of the sum of squares"),
          OPT(beta, "exponent"), OPT(k, "added to the sum of squares")};
}

const char* const kShape = "sizes of the last dimensions of the input, or that of the last one";
const char* const kEps = "added to the variance, so that nothing is divided by zero; >= 0";

}  // namespace

static const Registered<Row> kLayerNorm{row<Scaled<LayerNormOptions>, LayerNormOptions>({
    .name = "LayerNorm",
    .doc = "Normalises the last dimensions together, for each sample by itself.\n"
           "Shape: `(*, ...normalizedShape)` → the same; `weight` and `bias` `normalizedShape`.",
    .seed = {},
    .arguments = {REQ(normalized_shape, kShape), OPT(eps, kEps),
                  OPT(elementwise_affine, "whether a scale is learned; without, `weight` and `bias` are null"),
                  OPT(bias, "whether a shift is learned beside the scale"), DEVICE, DTYPE},
    .tensors = {PARAMETER(weight), PARAMETER(bias)},
    .repr = text("{normalized_shape}, eps={eps}, elementwise_affine={elementwise_affine}, bias={bias}"),
    .forward =
        [](auto& m, Inputs in) {
          const auto& o = m.options;
          return at::layer_norm(in[0], o.normalized_shape(), m.weight, m.bias, o.eps(),
                                at::globalContext().userEnabledCuDNN());
        },
})};

static const Registered<Row> kGroupNorm{row<Scaled<GroupNormOptions>, GroupNormOptions>({
    .name = "GroupNorm",
    .doc = "Normalises each group of channels, for each sample by itself.\n"
           "Shape: `(N, C, *)` → the same; `weight` and `bias` `(C)`.",
    .seed = {},
    .arguments = {REQ(num_groups, "groups of channels; divides `numChannels`"),
                  REQ(num_channels, "number of channels C of the input"), OPT(eps, kEps),
                  OPT(affine, "whether a scale is learned; without, `weight` and `bias` are null"), DEVICE, DTYPE,
                  KEYWORD(bias, "whether a shift is learned beside the scale")},
    .tensors = {PARAMETER(weight), PARAMETER(bias)},
    .repr = text("{num_groups}, {num_channels}, eps={eps}, affine={affine}, bias={bias}"),
    .prepare =
        [](GroupNormOptions& o, const Given&) {
          if (o.num_groups() == 0) fail_argument("integer modulo by zero");
          if (o.num_channels() % o.num_groups() != 0) {
            fail_argument("num_channels (" + std::to_string(o.num_channels()) + ") must be divisible by num_groups (" +
                          std::to_string(o.num_groups()) + ")");
          }
        },
    .forward = [](auto& m, Inputs in) { return group_norm(m, in[0]); },
})};

static const Registered<Row> kRMSNorm{row<Scaled<RMSNormOptions>, RMSNormOptions>({
    .name = "RMSNorm",
    .doc = "Divides by the root mean square over the last dimensions, for each sample by itself.\n"
           "Shape: `(*, ...normalizedShape)` → the same; `weight` `normalizedShape`.",
    .seed = {},
    .arguments = {REQ(normalized_shape, kShape),
                  OPT(eps, "added to the mean square; null: the machine epsilon of the dtype that it is computed in"),
                  OPT(elementwise_affine, "whether a scale is learned; without, `weight` is null"), DEVICE, DTYPE},
    .tensors = {PARAMETER(weight)},
    .inputs = {"x"},
    .repr = text("{normalized_shape}, eps={eps}, elementwise_affine={elementwise_affine}"),
    .forward =
        [](auto& m, Inputs in) {
          // Of all operators this one takes an undefined tensor for a given one.
          const auto weight = m.weight.defined() ? std::optional(m.weight) : std::nullopt;
          return at::rms_norm(in[0], m.options.normalized_shape(), weight, m.options.eps());
        },
})};

static const Registered<Row> kLocalResponseNorm{plain_row<ResponseOptions>({
    .name = "LocalResponseNorm",
    .doc = "Divides by a power of the sum of squares over neighbouring channels.\nShape: `(N, C, *)` → the same.",
    .seed = {},
    .arguments = response_arguments(),
    .repr = text("{size}, alpha={alpha}, beta={beta}, k={k}"),
    .forward = [](auto& m, Inputs in) { return local_response_norm(m.options, in[0]); },
})};

static const Registered<Row> kCrossMapLRN2d{plain_row<ResponseOptions>({
    .name = "CrossMapLRN2d",
    .doc = "Divides by a power of the sum of squares over neighbouring channels of images, as Lua Torch did.\n"
           "Shape: `(N, C, H, W)` → the same.",
    .seed = {},
    .arguments = response_arguments(),
    .repr =
        [](const Words& w) {
          // Here Python's default is the integer 1.
          auto text = w.format("{size}, alpha={alpha}, beta={beta}, k={k}");
          return text.ends_with(".0") ? text.substr(0, text.size() - 2) : text;
        },
    .forward =
        [](auto& m, Inputs in) {
          const auto& o = m.options;
          if (in[0].dim() != 4) {
            fail("ERR_SHAPE",
                 "CrossMapLRN2d: Expected input to be 4D, got " + std::to_string(in[0].dim()) + "D instead.");
          }
          return CrossMap::apply(in[0], o.size(), o.alpha(), o.beta(), o.k());
        },
})};

}  // namespace libtorch_node::layers
