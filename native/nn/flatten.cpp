// Flatten, Unflatten. Source: torch/nn/modules/flatten.py of PyTorch 2.13.
#include <ATen/Functions.h>
#include <torch/nn/modules/linear.h>

#include <cmath>

#include "core/error.h"
#include "nn/module.h"

namespace libtorch_node::layers {

namespace {

/** Sizes that only a list may say, and a dimension that is never a name: named tensors are not offered. */
struct SizeList {
  std::vector<int64_t> values;
};
struct Place {
  int64_t index = 0;
};

/** What Python calls the type of a value, for its messages. */
std::string python_type(const Napi::Value& value) {
  if (value.IsBoolean()) return "bool";
  if (value.IsString()) return "str";
  if (value.IsBigInt()) return "int";
  if (value.IsNumber()) return Form<int64_t>::fits(value) ? "int" : "float";
  if (value.IsNull() || value.IsUndefined()) return "NoneType";
  if (value.IsArray()) return "list";
  return tensor_impl(value.Env(), value) != nullptr ? "Tensor" : "dict";
}

}  // namespace

template <>
struct Form<SizeList> {
  static std::string accepts() { return "readonly number[]"; }
  static std::string gives() { return "number[]"; }
  static std::string expected() { return "an array of integers"; }
  // Everything, so that the messages are Python's.
  static bool fits(const Napi::Value&) { return true; }
  static SizeList read(const Napi::Value& v, const std::string& where) {
    if (!v.IsArray()) fail_argument("unflattened_size must be a tuple of ints, but found type " + python_type(v));
    const auto array = v.As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); ++i) {
      const Napi::Value element = array.Get(i);
      if (!Form<int64_t>::fits(element)) {
        fail_argument("unflattened_size must be tuple of ints, but found element of type " + python_type(element) +
                      " at pos " + std::to_string(i));
      }
    }
    return {to_ints(v, where.c_str())};
  }
  static Napi::Value write(Napi::Env env, const SizeList& v) { return from_ints(env, v.values); }
  static std::string python(const SizeList& v) { return python_tuple(v.values); }
};

template <>
struct Form<Place> {
  static std::string accepts() { return "number"; }
  static std::string gives() { return "number"; }
  static std::string expected() { return "the number of a dimension (dimensions have no names here)"; }
  static bool fits(const Napi::Value& v) { return Form<int64_t>::fits(v); }
  static Place read(const Napi::Value& v, const std::string& where) { return {Form<int64_t>::read(v, where)}; }
  static Napi::Value write(Napi::Env env, const Place& v) { return from_int(env, v.index); }
  static std::string python(const Place& v) { return std::to_string(v.index); }
};

namespace {

struct UnflattenOptions {
  TORCH_ARG(Place, dim);
  TORCH_ARG(SizeList, unflattened_size);
};

}  // namespace

static const Registered<Row> kFlatten{row<nn::FlattenImpl, nn::FlattenOptions>({
    .name = "Flatten",
    .doc = "Makes one dimension of the dimensions from `startDim` to `endDim`.\n"
           "Shape: `(N, *, S₁, …, Sₙ, *)` → `(N, *, S₁ · … · Sₙ, *)`.",
    .seed = {},
    .arguments = {OPT(start_dim, "first dimension to flatten"), OPT(end_dim, "last dimension to flatten")},
    .repr = text("start_dim={start_dim}, end_dim={end_dim}"),
})};

static const Registered<Row> kUnflatten{plain_row<UnflattenOptions>({
    .name = "Unflatten",
    .doc = "Makes several dimensions of one.\nShape: `(*, S, *)` → `(*, S₁, …, Sₙ, *)`.",
    .seed = {},
    .arguments = {REQ(dim, "dimension that is replaced; negative counts from the end"),
                  REQ(unflattened_size, "sizes in its place; one may be -1, which is the rest")},
    .repr = text("dim={dim}, unflattened_size={unflattened_size}"),
    .forward =
        [](auto& m, Inputs in) {
          const auto& sizes = m.options.unflattened_size().values;
          if (sizes.empty()) fail("ERR_SHAPE", "unflatten: sizes must be non-empty");
          return at::unflatten(in[0], m.options.dim().index, sizes);
        },
})};

}  // namespace libtorch_node::layers
