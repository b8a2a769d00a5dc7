// Fold, Unfold. Source: torch/nn/modules/fold.py, PyTorch 2.13 (cf30153c). torch::nn forgets whether a size was given
// as one number, which Python prints.
#include <ATen/Functions.h>

#include "nn/module.h"

namespace libtorch_node::layers {

namespace {

struct UnfoldOptions {
  TORCH_ARG(AsGiven<2>, kernel_size);
  TORCH_ARG(AsGiven<2>, dilation) = 1;
  TORCH_ARG(AsGiven<2>, padding) = 0;
  TORCH_ARG(AsGiven<2>, stride) = 1;
};
struct FoldOptions {
  TORCH_ARG(AsGiven<2>, output_size);
  TORCH_ARG(AsGiven<2>, kernel_size);
  TORCH_ARG(AsGiven<2>, dilation) = 1;
  TORCH_ARG(AsGiven<2>, padding) = 0;
  TORCH_ARG(AsGiven<2>, stride) = 1;
};

const char* const kBlock = "size of a block, for both dimensions or each, > 0";
const char* const kDilation = "distance between elements of a block, > 0";
const char* const kPadding = "zeros at both sides of each dimension, >= 0";
const char* const kStride = "step from block to block, > 0";

}  // namespace

static const Registered<Row> kUnfold{plain_row<UnfoldOptions>({
    .name = "Unfold",
    .doc = "Lays out the blocks that a sliding window sees as columns.\n"
           "Shape: `(N, C, H, W)` or `(C, H, W)` → `(N, C · kH · kW, L)`, where L is the number of blocks.",
    .seed = {},
    .arguments = {REQ(kernel_size, kBlock), OPT(dilation, kDilation), OPT(padding, kPadding), OPT(stride, kStride)},
    .repr = text("kernel_size={kernel_size}, dilation={dilation}, padding={padding}, stride={stride}"),
    .forward =
        [](auto& m, Inputs in) {
          const auto& o = m.options;
          return at::im2col(in[0], o.kernel_size(), o.dilation(), o.padding(), o.stride());
        },
})};

static const Registered<Row> kFold{plain_row<FoldOptions>({
    .name = "Fold",
    .doc = "Adds the columns of `Unfold` up to an image, where blocks overlap.\n"
           "Shape: `(N, C · kH · kW, L)` or `(C · kH · kW, L)` → `(N, C, H, W)`, where L is the number of blocks.",
    .seed = {},
    .arguments = {REQ(output_size, "height and width of the image, one number for both or each, > 0"),
                  REQ(kernel_size, kBlock), OPT(dilation, kDilation), OPT(padding, kPadding), OPT(stride, kStride)},
    .repr = text("output_size={output_size}, kernel_size={kernel_size}, dilation={dilation}, padding={padding}, "
                 "stride={stride}"),
    .forward =
        [](auto& m, Inputs in) {
          const auto& o = m.options;
          return at::col2im(in[0], o.output_size(), o.kernel_size(), o.dilation(), o.padding(), o.stride());
        },
})};

}  // namespace libtorch_node::layers
