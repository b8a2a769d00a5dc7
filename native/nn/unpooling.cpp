// MaxUnpool1d-3d. Source: torch/nn/modules/pooling.py and torch/nn/functional.py, _unpool_output_size, PyTorch 2.13
// (cf30153c). lib/nn/max-unpool.ts makes a tensor of forward's output_size.
#include <ATen/Functions.h>

#include "core/error.h"
#include "nn/given.h"
#include "nn/module.h"

namespace libtorch_node::layers {

namespace {

template <size_t D>
struct MaxUnpoolOptions {
  TORCH_ARG(torch::ExpandingArray<D>, kernel_size) = 0;
  TORCH_ARG(std::optional<torch::ExpandingArray<D>>, stride);
  TORCH_ARG(torch::ExpandingArray<D>, padding) = 0;
};

template <size_t D>
std::vector<int64_t> output_size(const at::Tensor& input, const MaxUnpoolOptions<D>& o, const at::Tensor& given) {
  const auto& stride = o.stride() ? *o.stride() : o.kernel_size();
  if (input.dim() < static_cast<int64_t>(D)) fail("ERR_INDEX", "tuple index out of range");
  std::vector<int64_t> usual;
  for (size_t d = 0; d < D; ++d) {
    const auto length = input.size(static_cast<int64_t>(d) - static_cast<int64_t>(D));
    usual.push_back((length - 1) * stride->at(d) + o.kernel_size()->at(d) - 2 * o.padding()->at(d));
  }
  auto sizes = usual;
  if (given.defined()) {
    if (given.dim() != 1 || given.scalar_type() != at::kLong) fail_argument("output_size must be a list of integers");
    const auto values = given.cpu().contiguous();
    sizes.assign(values.const_data_ptr<int64_t>(), values.const_data_ptr<int64_t>() + values.numel());
    if (sizes.size() == D + 2) sizes.erase(sizes.begin(), sizes.begin() + 2);
    if (sizes.size() != D) {
      fail("ERR_SHAPE", "output_size should be a sequence containing " + std::to_string(D) + " or " +
                            std::to_string(D + 2) + " elements, but it has a length of '" +
                            std::to_string(sizes.size()) + "'");
    }
    for (size_t d = 0; d < D; ++d) {
      const auto least = usual[d] - stride->at(d), most = usual[d] + stride->at(d);
      if (least < sizes[d] && sizes[d] < most) continue;
      fail("ERR_SHAPE", "invalid output_size \"" + python_list(sizes) + "\" (dim " + std::to_string(d) +
                            " must be between " + std::to_string(least) + " and " + std::to_string(most) + ")");
    }
  }
  for (size_t d = 0; d < D; ++d) {
    if (sizes[d] >= 0) continue;
    const auto at = std::to_string(d);
    fail("ERR_SHAPE", "max_unpooling: output_size must contain non-negative spatial dimensions, but got output_size[" +
                          at + "]=" + std::to_string(sizes[d]));
  }
  return sizes;
}

template <size_t D>
Row max_unpool_row(const char* name, const char* doc) {
  return plain_row<MaxUnpoolOptions<D>>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = {REQ(kernel_size, "size of the window that was pooled, for all dimensions or each"),
                    OPT(stride, "step of that window, > 0; default: its size"),
                    OPT(padding, "padding of that pooling, >= 0")},
      .inputs = {"input", "indices", "output_size?"},
      .repr = text("kernel_size={kernel_size}, stride={stride}, padding={padding}"),
      .prepare =
          [](MaxUnpoolOptions<D>& o, const Given&) {
            if (!o.stride()) o.stride(o.kernel_size());
          },
      .forward = [](auto& m, Inputs in) -> c10::IValue {
        const auto& o = m.options;
        auto sizes = output_size<D>(in[0], o, in[2]);
        if constexpr (D == 1) {
          sizes.push_back(1);
          return at::max_unpool2d(in[0].unsqueeze(-1), in[1].unsqueeze(-1), sizes).squeeze(-1);
        }
        if constexpr (D == 2) return at::max_unpool2d(in[0], in[1], sizes);
        if constexpr (D == 3) {
          return at::max_unpool3d(in[0], in[1], sizes, o.stride() ? *o.stride() : o.kernel_size(), o.padding());
        }
      },
  });
}

}  // namespace

static const Registered<Row> kMaxUnpool1d{max_unpool_row<1>(
    "MaxUnpool1d",
    "Puts the values of a pooled signal back to where they were, among zeros.\n"
    "Shape: input and indices `(N, C, L)` or `(C, L)` → `(N, C, Lout)`; `outputSize` chooses among possible lengths.")};
static const Registered<Row> kMaxUnpool2d{max_unpool_row<2>(
    "MaxUnpool2d",
    "Puts the values of a pooled image back to where they were, among zeros.\n"
    "Shape: input and indices `(N, C, H, W)` or `(C, H, W)` → `(N, C, Hout, Wout)`; `outputSize` chooses among "
    "possible sizes.")};
static const Registered<Row> kMaxUnpool3d{max_unpool_row<3>(
    "MaxUnpool3d",
    "Puts the values of a pooled volume back to where they were, among zeros.\n"
    "Shape: input and indices `(N, C, D, H, W)` or `(C, D, H, W)` → `(N, C, Dout, Hout, Wout)`; `outputSize` chooses "
    "among possible sizes.")};

}  // namespace libtorch_node::layers
