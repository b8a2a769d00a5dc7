// CircularPad, ConstantPad, ReflectionPad, ReplicationPad and ZeroPad in one to three dimensions. Source:
// torch/nn/modules/padding.py, PyTorch 2.13 (cf30153c). torch::nn has no CircularPad, ZeroPad1d, ZeroPad3d, and takes
// no padding of fewer dimensions.
#include <ATen/Functions.h>

#include "core/error.h"
#include "nn/given.h"
#include "nn/module.h"
#include "nn/shapes.h"

namespace libtorch_node::layers {

/** Padding before and after each dimension, the last one first: one number for all N sides, or those of some
 * dimensions.
 */
template <size_t N>
struct Sides {
  std::vector<int64_t> values;
};

template <size_t N>
struct Form<Sides<N>> : Form<OneOrMore<int64_t>> {
  static std::string gives() { return "number[]"; }
  static std::string expected() { return Form<std::vector<int64_t>>::expected(); }
  static Sides<N> read(const Napi::Value& v, const std::string& where) {
    auto list = Form<OneOrMore<int64_t>>::read(v, where);
    if (list.single) list.values.resize(N, list.values[0]);
    return {std::move(list.values)};
  }
  static Napi::Value write(Napi::Env env, const Sides<N>& v) { return from_ints(env, v.values); }
  static std::string python(const Sides<N>& v) { return python_tuple(v.values); }
};

namespace {

template <size_t N>
struct PadOptions {
  TORCH_ARG(Sides<N>, padding);
};
template <size_t N>
struct ConstantPadOptions {
  TORCH_ARG(Sides<N>, padding);
  TORCH_ARG(GivenNumber, value);
};

const char* const kSides =
    "width at all sides, or `[before, after]` of the last dimension, then of the one before it, …; negative cuts off";

template <size_t N>
Row constant_row(const char* name, const char* doc) {
  return plain_row<ConstantPadOptions<N>>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = {REQ(padding, kSides), REQ(value, "what is put there")},
      .repr = text("padding={padding}, value={value}"),
      .forward =
          [](auto& m, Inputs in) {
            return at::pad(in[0], m.options.padding().values, "constant", m.options.value().value);
          },
  });
}

/** `circular` says which inputs CircularPad takes, in Python's words. */
template <size_t N>
Row pad_row(const char* name, const char* doc, const char* mode, const char* circular = nullptr) {
  return plain_row<PadOptions<N>>({
      .name = name,
      .doc = doc,
      .seed = {},
      .arguments = {REQ(padding, kSides)},
      .repr = text("{padding}"),
      .forward =
          [mode, circular, zero = std::string_view(mode) == "constant"](auto& m, Inputs in) {
            constexpr int64_t kDims = N / 2;
            if (circular != nullptr && in[0].dim() != kDims + 1 && in[0].dim() != kDims + 2) {
              fail("ERR_SHAPE",
                   std::string("expected ") + circular + " input (got " + std::to_string(in[0].dim()) + "D input)");
            }
            return at::pad(in[0], m.options.padding().values, mode, zero ? std::optional<double>(0) : std::nullopt);
          },
  });
}

}  // namespace

static const Registered<Row> kCircularPad1d{pad_row<2>(
    "CircularPad1d", "Lengthens a signal as if it went around in a circle." SHAPE_1D ".", "circular", "2D or 3D")};
static const Registered<Row> kCircularPad2d{pad_row<4>(
    "CircularPad2d", "Enlarges an image as if it were repeated at all sides." SHAPE_2D ".", "circular", "3D or 4D")};
static const Registered<Row> kCircularPad3d{pad_row<6>(
    "CircularPad3d", "Enlarges a volume as if it were repeated at all sides." SHAPE_3D ".", "circular", "4D or 5D")};

static const Registered<Row> kConstantPad1d{
    constant_row<2>("ConstantPad1d", "Lengthens a signal by one value." SHAPE_1D ".")};
static const Registered<Row> kConstantPad2d{
    constant_row<4>("ConstantPad2d", "Enlarges an image by one value." SHAPE_2D ".")};
static const Registered<Row> kConstantPad3d{
    constant_row<6>("ConstantPad3d", "Enlarges a volume by one value." SHAPE_3D ".")};

static const Registered<Row> kReflectionPad1d{pad_row<2>(
    "ReflectionPad1d", "Lengthens a signal by its mirror image, the ends not repeated." SHAPE_1D ".", "reflect")};
static const Registered<Row> kReflectionPad2d{pad_row<4>(
    "ReflectionPad2d", "Enlarges an image by its mirror image, the edges not repeated." SHAPE_2D ".", "reflect")};
static const Registered<Row> kReflectionPad3d{pad_row<6>(
    "ReflectionPad3d", "Enlarges a volume by its mirror image, the faces not repeated." SHAPE_3D ".", "reflect")};

static const Registered<Row> kReplicationPad1d{
    pad_row<2>("ReplicationPad1d", "Lengthens a signal by the values at its ends." SHAPE_1D ".", "replicate")};
static const Registered<Row> kReplicationPad2d{
    pad_row<4>("ReplicationPad2d", "Enlarges an image by the values at its edges." SHAPE_2D ".", "replicate")};
static const Registered<Row> kReplicationPad3d{
    pad_row<6>("ReplicationPad3d", "Enlarges a volume by the values at its faces." SHAPE_3D ".", "replicate")};

static const Registered<Row> kZeroPad1d{
    pad_row<2>("ZeroPad1d", "Lengthens a signal by zeros." SHAPE_1D ".", "constant")};
static const Registered<Row> kZeroPad2d{
    pad_row<4>("ZeroPad2d", "Enlarges an image by zeros." SHAPE_2D ".", "constant")};
static const Registered<Row> kZeroPad3d{
    pad_row<6>("ZeroPad3d", "Enlarges a volume by zeros." SHAPE_3D ".", "constant")};

}  // namespace libtorch_node::layers
