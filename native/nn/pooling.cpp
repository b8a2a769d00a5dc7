// MaxPool1d-3d, AvgPool1d-3d, LPPool1d-3d. Source: torch/nn/modules/pooling.py and torch/nn/functional.py, PyTorch 2.13
// (cf30153c). torch::nn has no return_indices, and forgets whether a size was given as one number, which Python prints.
#include <ATen/Functions.h>

#include "core/error.h"
#include "nn/given.h"
#include "nn/module.h"
#include "nn/shapes.h"

namespace libtorch_node::layers {

namespace {

const char* const kWindow = "size of the window, for all dimensions or each";
const char* const kStep = "step of the window, > 0; default: its size";
const char* const kCeil = "counts a last window that is not full, too";

template <size_t D>
struct MaxPoolOptions {
  TORCH_ARG(AsGiven<D>, kernel_size);
  TORCH_ARG(std::optional<AsGiven<D>>, stride);
  TORCH_ARG(AsGiven<D>, padding) = 0;
  TORCH_ARG(AsGiven<D>, dilation) = 1;
  TORCH_ARG(bool, return_indices) = false;
  TORCH_ARG(bool, ceil_mode) = false;
};

/** Sizes is how Python keeps them: as given, but AvgPool1d as a tuple. */
template <class Sizes>
struct AvgPoolOptions {
  TORCH_ARG(Sizes, kernel_size) = 0;
  TORCH_ARG(std::optional<Sizes>, stride);
  TORCH_ARG(Sizes, padding) = 0;
  TORCH_ARG(bool, ceil_mode) = false;
  TORCH_ARG(bool, count_include_pad) = true;
  TORCH_ARG(std::optional<int64_t>, divisor_override);
};

template <size_t D>
struct LPPoolOptions {
  TORCH_ARG(GivenNumber, norm_type);
  TORCH_ARG(AsGiven<D>, kernel_size);
  TORCH_ARG(std::optional<AsGiven<D>>, stride);
  TORCH_ARG(bool, ceil_mode) = false;
};

/** Without a step it is the window's size. */
template <class Options>
void step_of_window(Options& o, const Given&) {
  if (!o.stride()) o.stride(o.kernel_size());
}
template <class Options>
c10::IntArrayRef step(const Options& o) {
  return o.stride() ? c10::IntArrayRef(*o.stride()) : c10::IntArrayRef(o.kernel_size());
}

template <size_t D>
at::Tensor max_pool(const at::Tensor& x, c10::IntArrayRef kernel, c10::IntArrayRef stride, c10::IntArrayRef padding,
                    c10::IntArrayRef dilation, bool ceil_mode) {
  if constexpr (D == 1) {
    // Without gradients it cuts larger numbers off, and then runs for hours; the others refuse them in these words.
    for (const auto& sizes : {kernel, stride, padding, dilation}) {
      if (std::ranges::any_of(sizes, [](int64_t n) { return n > std::numeric_limits<int>::max(); })) {
        fail("ERR_TORCH", "value cannot be converted to type int without overflow");
      }
    }
    return at::max_pool1d(x, kernel, stride, padding, dilation, ceil_mode);
  }
  if constexpr (D == 2) return at::max_pool2d(x, kernel, stride, padding, dilation, ceil_mode);
  if constexpr (D == 3) return at::max_pool3d(x, kernel, stride, padding, dilation, ceil_mode);
}

template <size_t D>
c10::IValue max_pool_with_indices(const at::Tensor& x, const MaxPoolOptions<D>& o) {
  const auto call = [&](auto pool) -> c10::IValue {
    return pool(x, o.kernel_size(), step(o), o.padding(), o.dilation(), o.ceil_mode());
  };
  if constexpr (D == 1) return call(at::max_pool1d_with_indices);
  if constexpr (D == 2) return call([](auto&&... a) { return at::max_pool2d_with_indices(a...); });
  if constexpr (D == 3) return call([](auto&&... a) { return at::max_pool3d_with_indices(a...); });
}

template <size_t D>
Row max_pool_row(const char* name, const char* doc) {
  return plain_row<MaxPoolOptions<D>>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = {REQ(kernel_size, kWindow), OPT(stride, kStep),
                    OPT(padding, "added at both sides of each dimension as -∞; at most half of the window"),
                    OPT(dilation, "distance between elements of the window, > 0"),
                    OPT(return_indices, "gives the tuple `[output, indices]` instead of the output"),
                    OPT(ceil_mode, kCeil)},
      .repr = text(
          "kernel_size={kernel_size}, stride={stride}, padding={padding}, dilation={dilation}, ceil_mode={ceil_mode}"),
      .prepare = step_of_window<MaxPoolOptions<D>>,
      .forward = [](auto& m, Inputs in) -> c10::IValue {
        const auto& o = m.options;
        if (o.return_indices()) return max_pool_with_indices<D>(in[0], o);
        return max_pool<D>(in[0], o.kernel_size(), step(o), o.padding(), o.dilation(), o.ceil_mode());
      },
  });
}

template <size_t D, class Sizes = AsGiven<D>>
Row avg_pool_row(const char* name, const char* doc) {
  using Options = AvgPoolOptions<Sizes>;
  std::vector<ArgumentOf<Options>> arguments = {
      REQ(kernel_size, kWindow), OPT(stride, kStep),
      OPT(padding, "zeros added at both sides of each dimension; at most half of the window"), OPT(ceil_mode, kCeil),
      OPT(count_include_pad, "whether padding counts in the number of averaged values")};
  if (D > 1) {
    arguments.emplace_back(OPT(divisor_override, "what sums are divided by instead of the number of values, not 0"));
  }
  return plain_row<Options>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = std::move(arguments),
      .repr = text("kernel_size={kernel_size}, stride={stride}, padding={padding}"),
      .prepare = step_of_window<Options>,
      .forward = [](auto& m, Inputs in) -> c10::IValue {
        const auto& o = m.options;
        const auto call = [&](auto pool, auto... divisor) {
          return pool(in[0], o.kernel_size(), step(o), o.padding(), o.ceil_mode(), o.count_include_pad(), divisor...);
        };
        if constexpr (D == 1) return call(at::avg_pool1d);
        if constexpr (D == 2) return call([](auto&&... a) { return at::avg_pool2d(a...); }, o.divisor_override());
        if constexpr (D == 3) return call([](auto&&... a) { return at::avg_pool3d(a...); }, o.divisor_override());
      },
  });
}

// functional.py, lp_pool1d-3d: the same operations in the same order.
template <size_t D>
at::Tensor lp_pool(const at::Tensor& x, const LPPoolOptions<D>& o) {
  const double p = o.norm_type().value;
  const auto stride = o.stride() ? c10::IntArrayRef(*o.stride()) : c10::IntArrayRef();
  const AsGiven<D> none(0), next(1);
  if (std::isinf(p)) {
    const auto size = p > 0 ? x.abs() : -x.abs();
    const auto largest = max_pool<D>(size, o.kernel_size(), stride, none, next, o.ceil_mode());
    return p > 0 ? largest : -largest;
  }
  if (p == 0) fail_argument("float division by zero");
  const auto powers = x.pow(p);
  at::Tensor mean;
  if constexpr (D == 1) mean = at::avg_pool1d(powers, o.kernel_size(), stride, none, o.ceil_mode());
  if constexpr (D == 2) mean = at::avg_pool2d(powers, o.kernel_size(), stride, none, o.ceil_mode());
  if constexpr (D == 3) mean = at::avg_pool3d(powers, o.kernel_size(), stride, none, o.ceil_mode());
  int64_t count = 1;
  for (const auto size : o.kernel_size().values) count *= size;
  return (at::sign(mean) * at::relu(at::abs(mean))).mul(count).pow(1.0 / p);
}

template <size_t D>
Row lp_pool_row(const char* name, const char* doc) {
  return plain_row<LPPoolOptions<D>>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = {REQ(norm_type, "the power p, not 0; 1 sums, Infinity takes the largest"), REQ(kernel_size, kWindow),
                    OPT(stride, kStep), OPT(ceil_mode, kCeil)},
      .repr = text("norm_type={norm_type}, kernel_size={kernel_size}, stride={stride}, ceil_mode={ceil_mode}"),
      .forward = [](auto& m, Inputs in) -> c10::IValue { return lp_pool<D>(in[0], m.options); },
  });
}

}  // namespace

static const Registered<Row> kMaxPool1d{
    max_pool_row<1>("MaxPool1d", "The largest value in each window of a signal." SHAPE_1D OR_INDICES)};
static const Registered<Row> kMaxPool2d{
    max_pool_row<2>("MaxPool2d", "The largest value in each window of an image." SHAPE_2D OR_INDICES)};
static const Registered<Row> kMaxPool3d{
    max_pool_row<3>("MaxPool3d", "The largest value in each window of a volume." SHAPE_3D OR_INDICES)};

static const Registered<Row> kAvgPool1d{
    avg_pool_row<1, torch::ExpandingArray<1>>("AvgPool1d", "The average of each window of a signal." SHAPE_1D ".")};
static const Registered<Row> kAvgPool2d{
    avg_pool_row<2>("AvgPool2d", "The average of each window of an image." SHAPE_2D ".")};
static const Registered<Row> kAvgPool3d{
    avg_pool_row<3>("AvgPool3d", "The average of each window of a volume." SHAPE_3D ".")};

static const Registered<Row> kLPPool1d{
    lp_pool_row<1>("LPPool1d", "The p-th root of the sum of p-th powers in each window of a signal." SHAPE_1D ".")};
static const Registered<Row> kLPPool2d{
    lp_pool_row<2>("LPPool2d", "The p-th root of the sum of p-th powers in each window of an image." SHAPE_2D ".")};
static const Registered<Row> kLPPool3d{
    lp_pool_row<3>("LPPool3d", "The p-th root of the sum of p-th powers in each window of a volume." SHAPE_3D ".")};

}  // namespace libtorch_node::layers
