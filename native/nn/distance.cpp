// CosineSimilarity, PairwiseDistance. Defaults: torch/nn/modules/distance.py of PyTorch 2.13.
#include <torch/nn/modules/distance.h>

#include "nn/module.h"

namespace libtorch_node::layers {

static const Registered<Row> kCosineSimilarity{row<nn::CosineSimilarityImpl, nn::CosineSimilarityOptions>({
    .name = "CosineSimilarity",
    .doc = "The cosine of the angle between vectors that lie along a dimension.\n"
           "Shape: `(*, D, *)`, `(*, D, *)` → `(*, *)`.",
    .seed = {},
    .arguments = {OPT(dim, "dimension of the vectors"),
                  OPT(eps, "smallest length that a vector is divided by, so that nothing is divided by zero")},
    .inputs = {"x1", "x2"},
    .forward = [](auto& m, Inputs in) { return m.forward(in[0], in[1]); },
})};

static const Registered<Row> kPairwiseDistance{row<nn::PairwiseDistanceImpl, nn::PairwiseDistanceOptions>({
    .name = "PairwiseDistance",
    .doc = "The p-norm of the difference of vectors that lie along the last dimension.\n"
           "Shape: `(N, D)` or `(D)` twice → `(N)` or `()`; with `keepdim` `(N, 1)` or `(1)`.",
    .seed = {},
    .arguments = {OPT(p, "degree of the norm; may be negative"), OPT(eps, "added to each difference"),
                  OPT(keepdim, "whether the last dimension stays, with size 1")},
    .inputs = {"x1", "x2"},
    .forward = [](auto& m, Inputs in) { return m.forward(in[0], in[1]); },
})};

}  // namespace libtorch_node::layers
