// ConvTranspose1d, ConvTranspose2d, ConvTranspose3d. Source: torch/nn/modules/conv.py, _ConvTransposeNd, PyTorch 2.13
// (cf30153c).
#include <ATen/Functions.h>
#include <torch/nn/options/conv.h>

#include "core/error.h"
#include "nn/conv.h"

namespace libtorch_node::layers {

namespace {

using ConvolveTransposed = at::Tensor (*)(const at::Tensor& x, const at::Tensor& weight,
                                          const std::optional<at::Tensor>& bias, c10::IntArrayRef stride,
                                          c10::IntArrayRef padding, c10::IntArrayRef output_padding, int64_t groups,
                                          c10::IntArrayRef dilation);

template <size_t D>
struct TransposeOptions {
  using Sizes = torch::ExpandingArray<D>;
  TORCH_ARG(int64_t, in_channels) = 0;
  TORCH_ARG(int64_t, out_channels) = 0;
  TORCH_ARG(Sizes, kernel_size) = 0;
  TORCH_ARG(Sizes, stride) = 1;
  TORCH_ARG(Sizes, padding) = 0;
  TORCH_ARG(Sizes, output_padding) = 0;
  TORCH_ARG(int64_t, groups) = 1;
  TORCH_ARG(bool, bias) = true;
  TORCH_ARG(Sizes, dilation) = 1;
  TORCH_ARG(nn::detail::conv_padding_mode_t, padding_mode) = torch::kZeros;
};

template <size_t D>
class Transposed : public nn::Cloneable<Transposed<D>> {
 public:
  explicit Transposed(const TransposeOptions<D>& options_) : options(options_) { Transposed::reset(); }

  void reset() override {
    const auto& o = options;
    if (!std::holds_alternative<torch::enumtype::kZeros>(o.padding_mode()))
      fail_argument("Only \"zeros\" padding mode is supported for ConvTranspose" + std::to_string(D) + "d");
    check_groups(o.in_channels(), o.out_channels(), o.groups());
    make_parameters(weight, bias, {o.in_channels(), o.out_channels() / o.groups()}, *o.kernel_size(),
                    o.bias() ? std::optional(o.out_channels()) : std::nullopt);
  }

  at::Tensor forward(const at::Tensor& x, const at::Tensor& output_size, ConvolveTransposed convolve) const {
    const auto& o = options;
    if (!std::holds_alternative<torch::enumtype::kZeros>(o.padding_mode()))
      fail_argument("Only `zeros` padding mode is supported for ConvTranspose" + std::to_string(D) + "d");
    const auto more = output_size.defined() ? to_reach(output_size, x) : *o.output_padding();
    return convolve(x, weight, bias, o.stride(), o.padding(), more, o.groups(), o.dilation());
  }

  TransposeOptions<D> options;
  at::Tensor weight;
  at::Tensor bias;

 private:
  /** The output padding that gives this size: of several sizes that a convolution makes this input of, one is meant. */
  std::array<int64_t, D> to_reach(const at::Tensor& output_size, const at::Tensor& x) const {
    const auto& o = options;
    c10::IntArrayRef wanted(output_size.const_data_ptr<int64_t>(), output_size.numel());
    const size_t leading = x.dim() == D + 2 ? 2 : 1;
    if (wanted.size() == leading + D) wanted = wanted.slice(leading);
    if (wanted.size() != D) {
      fail("ERR_SHAPE", "ConvTranspose" + std::to_string(D) + "D: for " + std::to_string(x.dim()) +
                            "D input, output_size must have " + std::to_string(D) + " or " +
                            std::to_string(leading + D) + " elements (got " + std::to_string(wanted.size()) + ")");
    }
    std::array<int64_t, D> least, most, more;
    bool fits = true;
    for (size_t d = 0; d < D; ++d) {
      least[d] = (x.size(static_cast<int64_t>(d + leading)) - 1) * (*o.stride())[d] - 2 * (*o.padding())[d] +
                 (*o.dilation())[d] * ((*o.kernel_size())[d] - 1) + 1;
      most[d] = least[d] + (*o.stride())[d] - 1;
      more[d] = wanted[d] - least[d];
      fits = fits && least[d] <= wanted[d] && wanted[d] <= most[d];
    }
    if (!fits) {
      fail("ERR_SHAPE", "requested an output size of " + list_text(wanted) + ", but valid sizes range from " +
                            list_text(least) + " to " + list_text(most) + " (for an input of torch.Size(" +
                            list_text(x.sizes().slice(std::min<size_t>(2, x.dim()))) + "))");
    }
    return more;
  }
};

template <size_t D>
Row transposed_row(const char* name, const char* doc, ConvolveTransposed convolve) {
  const auto repeated = [](int64_t number) { return python_tuple(std::vector<int64_t>(D, number)); };
  return row<Transposed<D>, TransposeOptions<D>>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = {REQ(in_channels, "channels of the input, > 0"), REQ(out_channels, "channels of the output, > 0"),
                    REQ(kernel_size, "size of the kernel, for all dimensions or each"),
                    OPT(stride, "step of the kernel in the output, > 0"),
                    OPT(padding,
                        "`dilation · (kernelSize - 1) - padding` zeros are added at both sides of each dimension"),
                    OPT(output_padding, "added to one side of the output, less than the step or the dilation"),
                    OPT(groups, "groups of channels that do not see each other; divides both channel counts"),
                    OPT(bias, "whether a bias is learned and added; without, `bias` is null"),
                    OPT(dilation, "distance between elements of the kernel, > 0"), OPT(padding_mode, "only 'zeros'"),
                    DEVICE, DTYPE},
      .tensors = {PARAMETER(weight), PARAMETER(bias)},
      .inputs = {"input", "output_size[]?"},
      .repr =
          [repeated](const Words& w) {
            return w.format("{in_channels}, {out_channels}, kernel_size={kernel_size}, stride={stride}") +
                   w.unless(repeated(0), "padding") + w.unless(repeated(1), "dilation") +
                   w.unless(repeated(0), "output_padding") + w.unless("1", "groups") + w.unless("True", "bias");
          },
      .forward = [convolve](auto& m, Inputs in) { return m.forward(in[0], in[1], convolve); },
  });
}

}  // namespace

static const Registered<Row> kConvTranspose1d{transposed_row<1>(
    "ConvTranspose1d",
    "The transpose of a convolution: from each element a kernel's worth of the output. `outputSize` of forward picks "
    "one "
    "of the sizes that the step allows.\n"
    "Shape: input `(N, Cin, L)` or `(Cin, L)` → output `(N, Cout, Lout)`; `weight` `(Cin, Cout / groups, kL)`, `bias` "
    "`(Cout)`.",
    at::conv_transpose1d)};
static const Registered<Row> kConvTranspose2d{transposed_row<2>(
    "ConvTranspose2d",
    "The transpose of a convolution of images. `outputSize` of forward picks one of the sizes that the step allows.\n"
    "Shape: input `(N, Cin, H, W)` or `(Cin, H, W)` → output `(N, Cout, Hout, Wout)`; `weight` `(Cin, Cout / groups, "
    "kH, kW)`, `bias` `(Cout)`.",
    at::conv_transpose2d)};
static const Registered<Row> kConvTranspose3d{transposed_row<3>(
    "ConvTranspose3d",
    "The transpose of a convolution of volumes. `outputSize` of forward picks one of the sizes that the step allows.\n"
    "Shape: input `(N, Cin, D, H, W)` or `(Cin, D, H, W)` → output `(N, Cout, Dout, Hout, Wout)`; `weight` `(Cin, Cout "
    "/ groups, kD, kH, kW)`, `bias` `(Cout)`.",
    at::conv_transpose3d)};

}  // namespace libtorch_node::layers
