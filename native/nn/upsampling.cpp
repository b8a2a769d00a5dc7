// Upsample, UpsamplingNearest2d, UpsamplingBilinear2d. Source: torch/nn/modules/upsampling.py and
// torch/nn/functional.py, interpolate, PyTorch 2.13 (cf30153c). torch::nn prints and refuses otherwise, and keeps no
// form.
#include <ATen/Functions.h>

#include "core/error.h"
#include "nn/given.h"
#include "nn/module.h"

namespace libtorch_node::layers {

/** How values between the input's are found; Python takes any word and refuses it in forward. */
struct InterpolationMode {
  std::string word = "nearest";
};
template <>
struct Form<InterpolationMode> : Form<std::string> {
  static std::string accepts() {
    return "'nearest' | 'nearest-exact' | 'linear' | 'bilinear' | 'bicubic' | 'trilinear' | 'area' | 'lanczos'";
  }
  static std::string gives() { return accepts(); }
  static InterpolationMode read(const Napi::Value& v, const std::string& where) {
    return {Form<std::string>::read(v, where)};
  }
  static Napi::Value write(Napi::Env env, const InterpolationMode& v) { return Form<std::string>::write(env, v.word); }
  static std::string python(const InterpolationMode& v) { return "'" + v.word + "'"; }
};

namespace {

using Sizes = OneOrMore<int64_t>;
using Factors = OneOrMore<double>;

struct UpsampleOptions {
  TORCH_ARG(std::optional<Sizes>, size);
  TORCH_ARG(std::optional<Factors>, scale_factor);
  TORCH_ARG(InterpolationMode, mode);
  TORCH_ARG(std::optional<bool>, align_corners);
  TORCH_ARG(std::optional<bool>, recompute_scale_factor);
};
struct UpsamplingOptions {
  TORCH_ARG(std::optional<Sizes>, size);
  TORCH_ARG(std::optional<Factors>, scale_factor);
};

/** Values for each of `dims` dimensions, which may be none at all. */
template <class T>
std::vector<T> each(const OneOrMore<T>& given, int64_t dims) {
  if (!given.single) return given.values;
  return std::vector<T>(std::max<int64_t>(dims, 0), given.values[0]);
}

template <class T>
void check_length(const at::Tensor& x, const OneOrMore<T>& given, const std::string& subject, const std::string& what,
                  const std::string& format) {
  if (given.single || static_cast<int64_t>(given.values.size()) == x.dim() - 2) return;
  const auto spatial = python_list(x.sizes().slice(std::min<size_t>(2, x.sizes().size())));
  fail("ERR_SHAPE", "Input and " + subject + " must have the same number of spatial dimensions, but got " +
                        "input with spatial dimensions of " + spatial + " and " + what +
                        Form<OneOrMore<T>>::python(given) +
                        ". Please provide input tensor in (N, C, d1, d2, ...,dK) format and " + format);
}

[[noreturn]] void no_such_mode(int64_t dim, const std::string& mode) {
  const std::array<std::pair<const char*, int64_t>, 3> needs{{{"linear", 3}, {"bilinear", 4}, {"trilinear", 5}}};
  for (const auto& [word, wanted] : needs) {
    if (mode == word && dim >= 3 && dim <= 5) {
      fail("ERR_SHAPE",
           "Got " + std::to_string(dim) + "D input, but " + mode + " mode needs " + std::to_string(wanted) + "D input");
    }
  }
  fail(
      dim >= 3 && dim <= 5 ? "ERR_ARGUMENT" : "ERR_SHAPE",
      "Input Error: Only 3D, 4D and 5D input Tensors supported (got " + std::to_string(dim) +
          "D) for the modes: nearest | linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact (got " +
          mode + ")");
}

/** functional.interpolate without antialias: the checks and choices of Python in their order. */
at::Tensor interpolate(const at::Tensor& x, const UpsampleOptions& o) {
  const auto& mode = o.mode().word;
  if (mode == "nearest" || mode == "area" || mode == "nearest-exact") {
    if (o.align_corners()) {
      fail_argument(
          "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear");
    }
  }
  const bool align = o.align_corners().value_or(false);
  const auto dims = x.dim() - 2;
  std::optional<std::vector<int64_t>> sizes;
  std::optional<std::vector<double>> factors;
  if (o.size() && o.scale_factor()) fail_argument("only one of size or scale_factor should be defined");
  if (o.size()) {
    check_length(x, *o.size(), "output", "output size of ", "output size in (o1, o2, ...,oK) format.");
    sizes = each(*o.size(), dims);
  } else if (o.scale_factor()) {
    check_length(x, *o.scale_factor(), "scale_factor", "scale_factor of shape ",
                 "scale_factor in (s1, s2, ...,sK) format.");
    factors = each(*o.scale_factor(), dims);
  } else {
    fail_argument("either size or scale_factor should be defined");
  }
  const bool recompute = o.recompute_scale_factor().value_or(false);
  if (recompute && sizes) fail_argument("recompute_scale_factor is not meaningful with an explicit size.");
  if (factors && (recompute || mode == "area")) {
    sizes.emplace();
    for (int64_t i = 0; i < dims; ++i) {
      sizes->push_back(python_int(static_cast<double>(x.size(i + 2)) * (*factors)[i]));
    }
    factors.reset();
  }
  const at::OptionalIntArrayRef to = sizes ? at::OptionalIntArrayRef(*sizes) : std::nullopt;
  const auto by = factors ? std::optional<at::ArrayRef<double>>(*factors) : std::nullopt;
  switch (x.dim()) {
    case 3:
      if (mode == "nearest") return at::upsample_nearest1d(x, to, by);
      if (mode == "nearest-exact") return at::_upsample_nearest_exact1d(x, to, by);
      if (mode == "area") return at::adaptive_avg_pool1d(x, *sizes);
      if (mode == "linear") return at::upsample_linear1d(x, to, align, by);
      break;
    case 4:
      if (mode == "nearest") return at::upsample_nearest2d(x, to, by);
      if (mode == "nearest-exact") return at::_upsample_nearest_exact2d(x, to, by);
      if (mode == "area") return at::adaptive_avg_pool2d(x, *sizes);
      if (mode == "bilinear") return at::upsample_bilinear2d(x, to, align, by);
      if (mode == "bicubic") return at::upsample_bicubic2d(x, to, align, by);
      if (mode == "lanczos") {
        fail_argument(align ? "Lanczos mode does not support align_corners=True"
                            : "Lanczos mode requires antialias=True");
      }
      break;
    case 5:
      if (mode == "nearest") return at::upsample_nearest3d(x, to, by);
      if (mode == "nearest-exact") return at::_upsample_nearest_exact3d(x, to, by);
      if (mode == "area") return at::adaptive_avg_pool3d(x, *sizes);
      if (mode == "trilinear") return at::upsample_trilinear3d(x, to, align, by);
      break;
    default:
      break;
  }
  no_such_mode(x.dim(), mode);
}

/** One factor of 0 is none in Python. */
template <class Options>
void no_factor_of_zero(Options& o, const Given&) {
  if (o.scale_factor() && o.scale_factor()->single && o.scale_factor()->values[0] == 0) o.scale_factor(std::nullopt);
}

Repr upsample_repr(const char* mode) {
  return [mode](const Words& w) {
    const auto factor = w("scale_factor");
    return (factor == "None" ? "size=" + w("size") : "scale_factor=" + factor) + ", mode=" + w.format(mode);
  };
}

const char* const kSize = "size of the output, for all spatial dimensions or each; or give `scaleFactor`";
const char* const kFactor = "the output's size divided by the input's, for all spatial dimensions or each, > 0";

Row upsampling_row(const char* name, const char* doc, const char* printed, const char* mode,
                   std::optional<bool> align) {
  return plain_row<UpsamplingOptions>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = {OPT(size, kSize), OPT(scale_factor, kFactor)},
      .repr = upsample_repr(printed),
      .prepare = no_factor_of_zero<UpsamplingOptions>,
      .forward =
          [mode, align](auto& m, Inputs in) {
            const auto& o = m.options;
            return interpolate(
                in[0],
                UpsampleOptions().size(o.size()).scale_factor(o.scale_factor()).mode({mode}).align_corners(align));
          },
  });
}

}  // namespace

static const Registered<Row> kUpsample{plain_row<UpsampleOptions>({
    .name = "Upsample",
    .doc = "Resizes signals, images or volumes.\n"
           "Shape: `(N, C, L)`, `(N, C, H, W)` or `(N, C, D, H, W)` → the same with other spatial sizes.",
    .seed = {},
    .arguments = {OPT(size, kSize), OPT(scale_factor, kFactor),
                  OPT(mode,
                      "how values between the input's are found; 'linear', 'bilinear' and 'trilinear' take one, "
                      "two and three spatial dimensions, 'bicubic' takes two"),
                  OPT(align_corners,
                      "whether the centres of the corner pixels stay where they are, for the linear "
                      "and cubic modes"),
                  OPT(recompute_scale_factor,
                      "whether the factor is computed anew from the sizes, after they are rounded")},
    .repr = upsample_repr("{mode}"),
    .prepare = no_factor_of_zero<UpsampleOptions>,
    .forward = [](auto& m, Inputs in) { return interpolate(in[0], m.options); },
})};

static const Registered<Row> kUpsamplingNearest2d{
    upsampling_row("UpsamplingNearest2d",
                   "Resizes images, each pixel being that of the input nearest to it.\n"
                   "Shape: `(N, C, H, W)` → `(N, C, Hout, Wout)`.",
                   "'nearest'", "nearest", std::nullopt)};
static const Registered<Row> kUpsamplingBilinear2d{
    upsampling_row("UpsamplingBilinear2d",
                   "Resizes images by linear interpolation in both directions, with the corners aligned.\n"
                   "Shape: `(N, C, H, W)` → `(N, C, Hout, Wout)`.",
                   "'bilinear'", "bilinear", true)};

}  // namespace libtorch_node::layers
