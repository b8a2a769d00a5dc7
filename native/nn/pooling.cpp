// MaxPool2d. Source: torch/nn/modules/pooling.py, _MaxPoolNd, PyTorch 2.13 (cf30153c). torch::nn has no return_indices,
// and forgets whether a size was given as one number, which Python prints.
#include <ATen/Functions.h>

#include "nn/module.h"

namespace libtorch_node::layers {

namespace {

template <size_t D>
struct MaxPoolOptions {
  TORCH_ARG(AsGiven<D>, kernel_size);
  TORCH_ARG(std::optional<AsGiven<D>>, stride);
  TORCH_ARG(AsGiven<D>, padding) = 0;
  TORCH_ARG(AsGiven<D>, dilation) = 1;
  TORCH_ARG(bool, return_indices) = false;
  TORCH_ARG(bool, ceil_mode) = false;
};

using MaxPool = c10::IValue (*)(const at::Tensor& x, c10::IntArrayRef kernel, c10::IntArrayRef stride,
                                c10::IntArrayRef padding, c10::IntArrayRef dilation, bool ceil_mode, bool indices);

template <size_t D>
Row max_pool_row(const char* name, const char* doc, MaxPool pool) {
  return plain_row<MaxPoolOptions<D>>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = {REQ(kernel_size, "size of the window, for all dimensions or each"),
                    OPT(stride, "step of the window, > 0; default: its size"),
                    OPT(padding, "added at both sides of each dimension as -∞; at most half of the window"),
                    OPT(dilation, "distance between elements of the window, > 0"),
                    OPT(return_indices, "gives the tuple `[output, indices]` instead of the output"),
                    OPT(ceil_mode, "counts a last window that is not full, too")},
      .repr = text(
          "kernel_size={kernel_size}, stride={stride}, padding={padding}, dilation={dilation}, ceil_mode={ceil_mode}"),
      .prepare =
          [](MaxPoolOptions<D>& o, const Given&) {
            if (!o.stride()) o.stride(o.kernel_size());
          },
      .forward =
          [pool](auto& m, Inputs in) {
            const auto& o = m.options;
            const auto& stride = o.stride() ? *o.stride() : o.kernel_size();
            return pool(in[0], o.kernel_size(), stride, o.padding(), o.dilation(), o.ceil_mode(), o.return_indices());
          },
  });
}

}  // namespace

static const Registered<Row> kMaxPool2d{
    max_pool_row<2>("MaxPool2d",
                    "The largest value in each window of an image.\n"
                    "Shape: `(N, C, H, W)` or `(C, H, W)` → `(N, C, Hout, Wout)`. With `returnIndices` the result is "
                    "the tuple `[output, indices]`.",
                    [](const at::Tensor& x, c10::IntArrayRef kernel, c10::IntArrayRef stride, c10::IntArrayRef padding,
                       c10::IntArrayRef dilation, bool ceil_mode, bool indices) -> c10::IValue {
                      if (!indices) return at::max_pool2d(x, kernel, stride, padding, dilation, ceil_mode);
                      return at::max_pool2d_with_indices(x, kernel, stride, padding, dilation, ceil_mode);
                    })};

}  // namespace libtorch_node::layers
