#pragma once
#include <ATen/core/Tensor.h>

#include "nn/module.h"

/** What convolutions and transposed ones share. Source: torch/nn/modules/conv.py, _ConvNd, PyTorch 2.13 (cf30153c). */
namespace libtorch_node::layers {

void check_groups(int64_t in_channels, int64_t out_channels, int64_t groups);

/**
 * The parameters of a layer with these channels, drawn as Python does: first the weight, then the bias, which is left
 * undefined where there is none. `channels` are the first two sizes of the weight.
 */
void make_parameters(at::Tensor& weight, at::Tensor& bias, std::array<int64_t, 2> channels, c10::IntArrayRef kernel,
                     std::optional<int64_t> bias_size);

}  // namespace libtorch_node::layers
