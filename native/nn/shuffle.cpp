// PixelShuffle, PixelUnshuffle, ChannelShuffle. Words: torch/nn/modules/pixelshuffle.py and channelshuffle.py of
// PyTorch 2.13. torch::nn has no ChannelShuffle.
#include <ATen/Functions.h>
#include <torch/nn/modules/pixelshuffle.h>

#include "nn/module.h"

namespace libtorch_node::layers {

namespace {

struct ChannelShuffleOptions {
  TORCH_ARG(int64_t, groups) = 0;
};

}  // namespace

static const Registered<Row> kPixelShuffle{row<nn::PixelShuffleImpl, nn::PixelShuffleOptions>({
    .name = "PixelShuffle",
    .doc = "Makes images r times as high and wide out of r² times as many channels.\n"
           "Shape: `(*, C · r², H, W)` → `(*, C, H · r, W · r)`.",
    .seed = {0},
    .arguments = {REQ(upscale_factor, "the factor r, > 0")},
    .repr = text("upscale_factor={upscale_factor}"),
})};

static const Registered<Row> kPixelUnshuffle{row<nn::PixelUnshuffleImpl, nn::PixelUnshuffleOptions>({
    .name = "PixelUnshuffle",
    .doc = "Undoes `PixelShuffle`: r² times as many channels out of images r times as high and wide.\n"
           "Shape: `(*, C, H · r, W · r)` → `(*, C · r², H, W)`.",
    .seed = {0},
    .arguments = {REQ(downscale_factor, "the factor r, > 0")},
    .repr = text("downscale_factor={downscale_factor}"),
})};

static const Registered<Row> kChannelShuffle{plain_row<ChannelShuffleOptions>({
    .name = "ChannelShuffle",
    .doc = "Divides the channels into groups and takes one of each group in turn.\nShape: `(N, C, *)` → the same.",
    .seed = {},
    .arguments = {REQ(groups, "number of groups, > 0; divides the number of channels")},
    .repr = text("groups={groups}"),
    .forward = [](auto& m, Inputs in) { return at::channel_shuffle(in[0], m.options.groups()); },
})};

}  // namespace libtorch_node::layers
