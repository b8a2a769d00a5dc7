// FractionalMaxPool2d, FractionalMaxPool3d. Source: torch/nn/modules/pooling.py and torch/nn/functional.py,
// PyTorch 2.13 (cf30153c). torch::nn has no return_indices, and its `_random_samples` is no buffer.
#include <ATen/Functions.h>

#include "core/error.h"
#include "nn/given.h"
#include "nn/module.h"

namespace libtorch_node::layers {

/** D fractions, or one for all dimensions. */
template <size_t D>
struct Form<torch::ExpandingArray<D, double>> {
  using Ratio = torch::ExpandingArray<D, double>;
  static std::string accepts() { return "number | " + gives(); }
  static std::string gives() { return Sizes<D>::tuple(); }
  static std::string expected() { return "a number or an array of " + std::to_string(D) + " numbers"; }
  static bool fits(const Napi::Value& v) {
    return Form<OneOrMore<double>>::fits(v) && (!v.IsArray() || v.As<Napi::Array>().Length() == D);
  }
  static Ratio read(const Napi::Value& v, const std::string& where) {
    const auto list = Form<OneOrMore<double>>::read(v, where);
    return list.single ? Ratio(list.values[0]) : Ratio(list.values);
  }
  static Napi::Value write(Napi::Env env, const Ratio& v) {
    return Form<OneOrMore<double>>::write(env, {.values = {v->begin(), v->end()}, .single = false});
  }
  static std::string python(const Ratio& v) {
    return Form<OneOrMore<double>>::python({.values = {v->begin(), v->end()}, .single = false});
  }
};

namespace {

template <size_t D>
struct FractionalMaxPoolOptions {
  using Ratio = torch::ExpandingArray<D, double>;
  TORCH_ARG(torch::ExpandingArray<D>, kernel_size) = 0;
  TORCH_ARG(std::optional<torch::ExpandingArray<D>>, output_size);
  TORCH_ARG(std::optional<Ratio>, output_ratio);
  TORCH_ARG(bool, return_indices) = false;
  TORCH_ARG(at::Tensor, _random_samples);
};

template <size_t D>
class FractionalMaxPool : public nn::Cloneable<FractionalMaxPool<D>> {
 public:
  explicit FractionalMaxPool(const FractionalMaxPoolOptions<D>& options_)
      : options(options_), _random_samples(options_._random_samples()) {}

  void reset() override {}

  c10::IValue forward(const at::Tensor& input) const {
    constexpr int64_t kDims = D;
    std::vector<int64_t> sizes;
    for (int64_t d = 0; d < kDims; ++d) {
      if (options.output_size())
        sizes.push_back(options.output_size()->operator->()->at(d));
      else if (options.output_ratio())
        sizes.push_back(python_int(static_cast<double>(input.size(d - kDims)) * (*options.output_ratio())->at(d)));
    }
    if (sizes.empty()) {
      fail_argument("fractional_max_pool" + std::to_string(D) +
                    "d requires specifying either an output_size or an output_ratio");
    }
    auto samples = _random_samples;
    if (!samples.defined()) {
      const auto batch = input.dim() == kDims + 1 ? 1 : input.size(0);
      samples = at::rand({batch, input.size(-kDims - 1), kDims}, input.options());
    }
    std::tuple<at::Tensor, at::Tensor> both;
    if constexpr (D == 2) both = at::fractional_max_pool2d(input, options.kernel_size(), sizes, samples);
    if constexpr (D == 3) both = at::fractional_max_pool3d(input, options.kernel_size(), sizes, samples);
    if (!options.return_indices()) return std::get<0>(both);
    return both;
  }

  FractionalMaxPoolOptions<D> options;
  at::Tensor _random_samples;  // NOLINT: the name in state dicts
};

/** An argument as Python prints it. */
std::string as_given(const Given& given, const char* name) {
  return Form<OneOrMore<GivenNumber>>::python(Form<OneOrMore<GivenNumber>>::read(given(name), name));
}

template <size_t D>
void check(FractionalMaxPoolOptions<D>& o, const Given& given) {
  const auto name = "FractionalMaxPool" + std::to_string(D) + "d";
  if (D == 3 && std::ranges::any_of(*o.kernel_size(), [](int64_t k) { return k <= 0; })) {
    fail_argument("kernel_size must be greater than 0, but got " + as_given(given, "kernel_size"));
  }
  if (!o.output_size() && !o.output_ratio()) {
    fail_argument(name + " requires specifying either an output size, or a pooling ratio");
  }
  if (o.output_size() && o.output_ratio()) fail_argument("only one of output_size and output_ratio may be specified");
  if (o.output_ratio() && !std::ranges::all_of(**o.output_ratio(), [](double r) { return 0 < r && r < 1; })) {
    fail_argument("output_ratio must be between 0 and 1 (got " + as_given(given, "output_ratio") + ")");
  }
}

template <size_t D>
Row fractional_row(const char* name, const char* doc) {
  return row<FractionalMaxPool<D>, FractionalMaxPoolOptions<D>>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = {REQ(kernel_size, "size of the window, for all dimensions or each"),
                    OPT(output_size, "size of the output, for all dimensions or each; or give `outputRatio`"),
                    OPT(output_ratio, "the output's share of the input's size, between 0 and 1"),
                    OPT(return_indices, "gives the tuple `[output, indices]` instead of the output"),
                    OPT(_random_samples, "where the windows lie, in [0, 1); drawn in every forward when not given")},
      .tensors = {BUFFER(_random_samples)},
      .prepare = check<D>,
  });
}

}  // namespace

static const Registered<Row> kFractionalMaxPool2d{fractional_row<2>(
    "FractionalMaxPool2d",
    "The largest value in each of randomly placed windows of an image.\n"
    "Shape: `(N, C, H, W)` or `(C, H, W)` → `(N, C, Hout, Wout)`; `_random_samples` `(N, C, 2)`. With `returnIndices` "
    "the result is the tuple `[output, indices]`.")};
static const Registered<Row> kFractionalMaxPool3d{fractional_row<3>(
    "FractionalMaxPool3d",
    "The largest value in each of randomly placed windows of a volume.\n"
    "Shape: `(N, C, D, H, W)` or `(C, D, H, W)` → `(N, C, Dout, Hout, Wout)`; `_random_samples` `(N, C, 3)`. With "
    "`returnIndices` the result is the tuple `[output, indices]`.")};

}  // namespace libtorch_node::layers
