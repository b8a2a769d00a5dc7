#pragma once
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <functional>
#include <optional>

/**
 * Python's `device` and `dtype` of layers. The modules of torch::nn know neither and make their tensors by empty, zeros
 * and ones; while with_factory() runs, those calls of this thread get the device and dtype. So a layer draws its
 * parameters once, as Python does, and one on 'meta' needs no memory.
 */
namespace libtorch_node::layers {

struct Factory {
  std::optional<c10::Device> device;
  std::optional<c10::ScalarType> dtype;
};

void with_factory(const Factory& factory, const std::function<void()>& make);

}  // namespace libtorch_node::layers
