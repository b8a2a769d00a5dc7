// Linear, Identity, Flatten. Arithmetic and words: torch/nn/modules/{linear,flatten}.py of PyTorch 2.13.
#include <ATen/Functions.h>
#include <torch/nn/modules/linear.h>

#include "nn/module.h"

namespace libtorch_node::layers {

static const Registered<Row> kLinear{row<nn::LinearImpl, nn::LinearOptions>({
    .name = "Linear",
    .doc = "Applies `y = x Aᵀ + b`.\n"
           "Shape: input `(*, inFeatures)` → output `(*, outFeatures)`; `weight` `(outFeatures, inFeatures)`, `bias` "
           "`(outFeatures)`.",
    .seed = {0, 0},
    .arguments = {REQ(in_features, "size of each input sample, > 0"),
                  REQ(out_features, "size of each output sample, > 0"),
                  OPT(bias, "whether a bias is learned and added; without, `bias` is null"), DEVICE, DTYPE},
    .tensors = {PARAMETER(weight), PARAMETER(bias)},
    .repr = text("in_features={in_features}, out_features={out_features}, bias={bias}"),
    // torch::nn multiplies and adds in two steps beyond two dimensions, which gives other bits than Python's one
    .forward = [](auto& m, Inputs in) { return at::linear(in[0], m.weight, m.bias); },
})};

static const Registered<Row> kIdentity{row<nn::IdentityImpl>({
    .name = "Identity",
    .doc = "Gives back its input.\nShape: `(*)` → the same.",
    .seed = {},
})};

static const Registered<Row> kFlatten{row<nn::FlattenImpl, nn::FlattenOptions>({
    .name = "Flatten",
    .doc = "Makes one dimension of the dimensions from `startDim` to `endDim`.\n"
           "Shape: `(N, *, S₁, …, Sₙ, *)` → `(N, *, S₁ · … · Sₙ, *)`.",
    .seed = {},
    .arguments = {OPT(start_dim, "first dimension to flatten"), OPT(end_dim, "last dimension to flatten")},
    .repr = text("start_dim={start_dim}, end_dim={end_dim}"),
})};

}  // namespace libtorch_node::layers
