// AdaptiveMaxPool1d-3d, AdaptiveAvgPool1d-3d. Source: torch/nn/modules/pooling.py and torch/nn/functional.py, PyTorch
// 2.13 (cf30153c). torch::nn prints the size otherwise and gives indices by another method.
#include <ATen/Functions.h>

#include "core/error.h"
#include "nn/module.h"
#include "nn/shapes.h"

namespace libtorch_node::layers {

/** D sizes as given: one number, or D of which each may be None, which stands for the input's own. */
template <size_t D>
struct SizesOrNone {
  std::array<std::optional<int64_t>, D> values{};
  bool single = true;

  // torch/nn/modules/utils.py, _list_with_default
  std::array<int64_t, D> of(const at::Tensor& input) const {
    if (!single && input.dim() <= static_cast<int64_t>(D)) {
      fail("ERR_SHAPE", "Input dimension should be at least " + std::to_string(D + 1));
    }
    std::array<int64_t, D> sizes;
    for (size_t i = 0; i < D; ++i) {
      sizes[i] = values[i] ? *values[i] : input.size(static_cast<int64_t>(i) - static_cast<int64_t>(D));
    }
    return sizes;
  }
};

template <size_t D>
struct Form<SizesOrNone<D>> {
  using Each = Form<std::optional<int64_t>>;
  static std::string accepts() {
    std::string text = "number | [";
    for (size_t i = 0; i < D; ++i) text += (i == 0 ? "" : ", ") + Each::accepts();
    return text + "]";
  }
  static std::string gives() { return accepts(); }
  static std::string expected() { return "an integer or an array of " + std::to_string(D) + " integers or nulls"; }
  static bool fits(const Napi::Value& v) {
    if (!v.IsArray()) return Form<int64_t>::fits(v);
    const auto array = v.As<Napi::Array>();
    if (array.Length() != D) return false;
    for (uint32_t i = 0; i < D; ++i) {
      if (!Each::fits(array.Get(i))) return false;
    }
    return true;
  }
  static SizesOrNone<D> read(const Napi::Value& v, const std::string& where) {
    SizesOrNone<D> sizes;
    sizes.single = !v.IsArray();
    if (sizes.single) {
      sizes.values.fill(Form<int64_t>::read(v, where));
      return sizes;
    }
    const auto array = v.As<Napi::Array>();
    for (uint32_t i = 0; i < D; ++i) sizes.values[i] = Each::read(array.Get(i), where);
    return sizes;
  }
  static Napi::Value write(Napi::Env env, const SizesOrNone<D>& v) {
    if (v.single) return Each::write(env, v.values[0]);
    auto array = Napi::Array::New(env, D);
    for (uint32_t i = 0; i < D; ++i) array.Set(i, Each::write(env, v.values[i]));
    return array;
  }
  static std::string python(const SizesOrNone<D>& v) {
    if (v.single) return Each::python(v.values[0]);
    std::string text = "(";
    for (size_t i = 0; i < D; ++i) text += (i == 0 ? "" : ", ") + Each::python(v.values[i]);
    return text + ")";
  }
};

namespace {

/** In one dimension Python's size is a number: it knows no None there. */
template <size_t D>
using OutputSize = std::conditional_t<D == 1, AsGiven<1>, SizesOrNone<D>>;

template <size_t D>
struct AdaptiveMaxPoolOptions {
  TORCH_ARG(OutputSize<D>, output_size);
  TORCH_ARG(bool, return_indices) = false;
};
template <size_t D>
struct AdaptiveAvgPoolOptions {
  TORCH_ARG(OutputSize<D>, output_size);
};

template <size_t D>
std::array<int64_t, D> sizes_for(const at::Tensor& input, const OutputSize<D>& size) {
  if constexpr (D == 1)
    return size.values;
  else
    return size.of(input);
}

template <size_t D>
Row adaptive_max_row(const char* name, const char* doc, const char* size) {
  return plain_row<AdaptiveMaxPoolOptions<D>>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = {REQ(output_size, size),
                    OPT(return_indices, "gives the tuple `[output, indices]` instead of the output")},
      .repr = text("output_size={output_size}"),
      .forward = [](auto& m, Inputs in) -> c10::IValue {
        const auto sizes = sizes_for<D>(in[0], m.options.output_size());
        std::tuple<at::Tensor, at::Tensor> both;
        if constexpr (D == 1) both = at::adaptive_max_pool1d(in[0], sizes);
        if constexpr (D == 2) both = at::adaptive_max_pool2d(in[0], sizes);
        if constexpr (D == 3) both = at::adaptive_max_pool3d(in[0], sizes);
        if (!m.options.return_indices()) return std::get<0>(both);
        return both;
      },
  });
}

template <size_t D>
Row adaptive_avg_row(const char* name, const char* doc, const char* size) {
  return plain_row<AdaptiveAvgPoolOptions<D>>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = {REQ(output_size, size)},
      .repr = text("output_size={output_size}"),
      .forward = [](auto& m, Inputs in) -> c10::IValue {
        const auto sizes = sizes_for<D>(in[0], m.options.output_size());
        if constexpr (D == 1) return at::adaptive_avg_pool1d(in[0], sizes);
        if constexpr (D == 2) return at::adaptive_avg_pool2d(in[0], sizes);
        if constexpr (D == 3) return at::adaptive_avg_pool3d(in[0], sizes);
      },
  });
}

const char* const kLength = "length of the output, >= 0";
const char* const kSizes = "size of the output, for all dimensions or each; null keeps that of the input";

}  // namespace

static const Registered<Row> kAdaptiveMaxPool1d{adaptive_max_row<1>(
    "AdaptiveMaxPool1d", "The largest values of a signal in so many windows." SHAPE_1D OR_INDICES, kLength)};
static const Registered<Row> kAdaptiveMaxPool2d{adaptive_max_row<2>(
    "AdaptiveMaxPool2d", "The largest values of an image in so many windows." SHAPE_2D OR_INDICES, kSizes)};
static const Registered<Row> kAdaptiveMaxPool3d{adaptive_max_row<3>(
    "AdaptiveMaxPool3d", "The largest values of a volume in so many windows." SHAPE_3D OR_INDICES, kSizes)};

static const Registered<Row> kAdaptiveAvgPool1d{
    adaptive_avg_row<1>("AdaptiveAvgPool1d", "The averages of a signal in so many windows." SHAPE_1D ".", kLength)};
static const Registered<Row> kAdaptiveAvgPool2d{
    adaptive_avg_row<2>("AdaptiveAvgPool2d", "The averages of an image in so many windows." SHAPE_2D ".", kSizes)};
static const Registered<Row> kAdaptiveAvgPool3d{
    adaptive_avg_row<3>("AdaptiveAvgPool3d", "The averages of a volume in so many windows." SHAPE_3D ".", kSizes)};

}  // namespace libtorch_node::layers
