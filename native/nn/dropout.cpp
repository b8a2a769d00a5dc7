// Dropout. Words: torch/nn/modules/dropout.py of PyTorch 2.13.
#include <torch/nn/modules/dropout.h>

#include "nn/module.h"

namespace libtorch_node::layers {

static const Registered<Row> kDropout{row<nn::DropoutImpl, nn::DropoutOptions>({
    .name = "Dropout",
    .doc = "In training, zeroes elements at random and scales the others by `1 / (1 - p)`; in eval() it gives back its "
           "input.\n"
           "Shape: `(*)` → the same.",
    .seed = {},
    .arguments = {OPT(p, "probability of an element to be zeroed, in [0, 1]"),
                  OPT(inplace, "writes the result into the input")},
    .repr = text("p={p}, inplace={inplace}"),
})};

}  // namespace libtorch_node::layers
