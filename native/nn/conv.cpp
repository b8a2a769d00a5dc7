// Conv1d, Conv2d, Conv3d. Source: torch/nn/modules/conv.py, PyTorch 2.13 (cf30153c). The module is ours: torch::nn
// wants channels where Python allows none, and lists the padding of 'same' the other way around.
#include "nn/conv.h"

#include <ATen/Functions.h>
#include <torch/nn/init.h>
#include <torch/nn/options/conv.h>

#include "core/error.h"

namespace libtorch_node::layers {

void check_groups(int64_t in_channels, int64_t out_channels, int64_t groups) {
  if (groups <= 0) fail_argument("groups must be a positive integer");
  if (in_channels % groups != 0) fail_argument("in_channels must be divisible by groups");
  if (out_channels % groups != 0) fail_argument("out_channels must be divisible by groups");
}

void make_parameters(at::Tensor& weight, at::Tensor& bias, std::array<int64_t, 2> channels, c10::IntArrayRef kernel,
                     std::optional<int64_t> bias_size) {
  std::vector<int64_t> sizes(channels.begin(), channels.end());
  sizes.insert(sizes.end(), kernel.begin(), kernel.end());
  weight = at::empty(sizes).set_requires_grad(true);
  if (bias_size) bias = at::empty({*bias_size}).set_requires_grad(true);
  if (weight.numel() == 0) {
    TORCH_WARN("Initializing zero-element tensors is a no-op");
  } else {
    nn::init::kaiming_uniform_(weight, std::sqrt(5));
  }
  if (!bias_size) return;
  const auto fan_in = c10::multiply_integers(sizes.begin() + 1, sizes.end());
  const auto bound = fan_in > 0 ? 1 / std::sqrt(static_cast<double>(fan_in)) : 0;
  nn::init::uniform_(bias, 0 - bound, bound);  // not from -0, which would show
}

namespace {

using Convolve = at::Tensor (*)(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                                c10::IntArrayRef stride, c10::IntArrayRef padding, c10::IntArrayRef dilation,
                                int64_t groups);
using ConvolveNamed = at::Tensor (*)(const at::Tensor& x, const at::Tensor& weight,
                                     const std::optional<at::Tensor>& bias, c10::IntArrayRef stride,
                                     c10::string_view padding, c10::IntArrayRef dilation, int64_t groups);

/** torch::nn wants the channels in the constructor. */
template <size_t D>
struct ConvOptions : nn::detail::ConvNdOptions<D> {
  ConvOptions() : nn::detail::ConvNdOptions<D>(0, 0, 0) {}
};

template <size_t D>
class Convolution : public nn::Cloneable<Convolution<D>> {
 public:
  explicit Convolution(const ConvOptions<D>& options_) : options(options_) { Convolution::reset(); }

  void reset() override {
    const auto& o = options;
    check_groups(o.in_channels(), o.out_channels(), o.groups());
    if (std::holds_alternative<torch::enumtype::kSame>(o.padding())) {
      if (std::ranges::any_of(*o.stride(), [](int64_t step) { return step != 1; }))
        fail_argument("padding='same' is not supported for strided convolutions");
      for (size_t i = 0; i < D; ++i) {
        const auto total = (*o.dilation())[i] * ((*o.kernel_size())[i] - 1);
        // Python rounds to below
        set_sides(i, total >> 1, total - (total >> 1));
      }
    } else if (const auto* sizes = std::get_if<torch::ExpandingArray<D>>(&o.padding())) {
      for (size_t i = 0; i < D; ++i) set_sides(i, (**sizes)[i], (**sizes)[i]);
    }
    make_parameters(weight, bias, {o.out_channels(), o.in_channels() / o.groups()}, *o.kernel_size(),
                    o.bias() ? std::optional(o.out_channels()) : std::nullopt);
  }

  at::Tensor forward(const at::Tensor& x, Convolve convolve, ConvolveNamed convolve_named) const {
    const auto& o = options;
    if (!std::holds_alternative<torch::enumtype::kZeros>(o.padding_mode())) {
      const auto padded = at::pad(x, both_sides_, Form<nn::detail::conv_padding_mode_t>::python(o.padding_mode()));
      return convolve(padded, weight, bias, o.stride(), 0, o.dilation(), o.groups());
    }
    if (const auto* sizes = std::get_if<torch::ExpandingArray<D>>(&o.padding()))
      return convolve(x, weight, bias, o.stride(), *sizes, o.dilation(), o.groups());
    const bool same = std::holds_alternative<torch::enumtype::kSame>(o.padding());
    return convolve_named(x, weight, bias, o.stride(), same ? "same" : "valid", o.dilation(), o.groups());
  }

  ConvOptions<D> options;
  at::Tensor weight;
  at::Tensor bias;

 private:
  /** The padding is listed from the last dimension to the first. */
  void set_sides(size_t dim, int64_t before, int64_t after) {
    both_sides_[2 * (D - 1 - dim)] = before;
    both_sides_[2 * (D - 1 - dim) + 1] = after;
  }
  std::array<int64_t, 2 * D> both_sides_{};
};

template <size_t D>
Row conv_row(const char* name, const char* doc, Convolve convolve, ConvolveNamed convolve_named) {
  const auto repeated = [](int64_t number) { return python_tuple(std::vector<int64_t>(D, number)); };
  return row<Convolution<D>, ConvOptions<D>>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = {REQ(in_channels, "channels of the input, > 0"), REQ(out_channels, "channels of the output, > 0"),
                    REQ(kernel_size, "size of the kernel, for all dimensions or each"),
                    OPT(stride, "step of the kernel, > 0"),
                    OPT(padding,
                        "added at both sides of each dimension, >= 0; 'same' keeps the size, 'valid' adds none"),
                    OPT(dilation, "distance between elements of the kernel, > 0"),
                    OPT(groups, "groups of channels that do not see each other; divides both channel counts"),
                    OPT(bias, "whether a bias is learned and added; without, `bias` is null"),
                    OPT(padding_mode, "what is added as padding"), DEVICE, DTYPE},
      .tensors = {PARAMETER(weight), PARAMETER(bias)},
      .repr =
          [repeated](const Words& w) {
            return w.format("{in_channels}, {out_channels}, kernel_size={kernel_size}, stride={stride}") +
                   w.unless(repeated(0), "padding") + w.unless(repeated(1), "dilation") + w.unless("1", "groups") +
                   w.unless("True", "bias") + w.unless("zeros", "padding_mode");
          },
      .forward = [convolve, convolve_named](auto& m, Inputs in) { return m.forward(in[0], convolve, convolve_named); },
  });
}

}  // namespace

static const Registered<Row> kConv1d{
    conv_row<1>("Conv1d",
                "Convolves a signal of several channels.\n"
                "Shape: input `(N, Cin, L)` or `(Cin, L)` → output `(N, Cout, Lout)`; `weight` `(Cout, "
                "Cin / groups, kL)`, `bias` `(Cout)`.",
                at::conv1d, at::conv1d)};
static const Registered<Row> kConv2d{
    conv_row<2>("Conv2d",
                "Convolves an image of several channels.\n"
                "Shape: input `(N, Cin, H, W)` or `(Cin, H, W)` → output `(N, Cout, Hout, Wout)`; "
                "`weight` `(Cout, Cin / groups, kH, kW)`, `bias` `(Cout)`.",
                at::conv2d, at::conv2d)};
static const Registered<Row> kConv3d{
    conv_row<3>("Conv3d",
                "Convolves a volume of several channels.\n"
                "Shape: input `(N, Cin, D, H, W)` or `(Cin, D, H, W)` → output `(N, Cout, Dout, Hout, "
                "Wout)`; `weight` `(Cout, Cin / groups, kD, kH, kW)`, `bias` `(Cout)`.",
                at::conv3d, at::conv3d)};

}  // namespace libtorch_node::layers
