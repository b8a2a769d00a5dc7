// Conv1d, Conv2d, Conv3d. Words: torch/nn/modules/conv.py of PyTorch 2.13.
#include <torch/nn/modules/conv.h>

#include "nn/module.h"

namespace libtorch_node::layers {

namespace {

template <size_t D>
std::string repeated(const char* number) {
  std::string text = "(";
  for (size_t i = 0; i < D; ++i) text += (i == 0 ? "" : ", ") + std::string(number);
  return text + (D == 1 ? ",)" : ")");
}

/** torch::nn takes one kind of options for convolutions and keeps another, which transposed ones share. */
template <class M, size_t D>
class Convolution : public M {
 public:
  explicit Convolution(const nn::detail::ConvNdOptions<D>& o)
      : M(nn::ConvOptions<D>(o.in_channels(), o.out_channels(), o.kernel_size())
              .stride(o.stride())
              .padding(o.padding())
              .dilation(o.dilation())
              .groups(o.groups())
              .bias(o.bias())
              .padding_mode(o.padding_mode())) {
    // Padding is listed from the last dimension to the first, but LibTorch lists that of 'same' the other way around,
    // which shows with a padding mode and a kernel that is not square.
    auto& both_sides = this->_reversed_padding_repeated_twice;
    if (!std::holds_alternative<torch::enumtype::kSame>(o.padding())) return;
    for (size_t i = 0; i < D / 2; ++i) {
      std::swap_ranges(&both_sides[2 * i], &both_sides[2 * i] + 2, &both_sides[2 * (D - 1 - i)]);
    }
  }
};

template <class M, size_t D>
Row conv_row(const char* name, const char* doc) {
  return row<Convolution<M, D>, nn::detail::ConvNdOptions<D>>({
      .name = name,
      .doc = doc,
      .seed = {0, 0, 0},
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
          [](const Words& w) {
            return w.format("{in_channels}, {out_channels}, kernel_size={kernel_size}, stride={stride}") +
                   w.unless(repeated<D>("0"), "padding") + w.unless(repeated<D>("1"), "dilation") +
                   w.unless("1", "groups") + w.unless("True", "bias") + w.unless("zeros", "padding_mode");
          },
  });
}

}  // namespace

static const Registered<Row> kConv1d{
    conv_row<nn::Conv1dImpl, 1>("Conv1d",
                                "Convolves a signal of several channels.\n"
                                "Shape: input `(N, Cin, L)` or `(Cin, L)` → output `(N, Cout, Lout)`; `weight` `(Cout, "
                                "Cin / groups, kL)`, `bias` `(Cout)`.")};
static const Registered<Row> kConv2d{
    conv_row<nn::Conv2dImpl, 2>("Conv2d",
                                "Convolves an image of several channels.\n"
                                "Shape: input `(N, Cin, H, W)` or `(Cin, H, W)` → output `(N, Cout, Hout, Wout)`; "
                                "`weight` `(Cout, Cin / groups, kH, kW)`, `bias` `(Cout)`.")};
static const Registered<Row> kConv3d{
    conv_row<nn::Conv3dImpl, 3>("Conv3d",
                                "Convolves a volume of several channels.\n"
                                "Shape: input `(N, Cin, D, H, W)` or `(Cin, D, H, W)` → output `(N, Cout, Dout, Hout, "
                                "Wout)`; `weight` `(Cout, Cin / groups, kD, kH, kW)`, `bias` `(Cout)`.")};

}  // namespace libtorch_node::layers
