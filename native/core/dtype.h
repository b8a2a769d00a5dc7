#pragma once
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <optional>
#include <string>

/** dtypes and devices by Python's names: 'float32', 'cuda:0'. */
namespace libtorch_node {

const char* dtype_name(c10::ScalarType type);
std::optional<c10::ScalarType> find_dtype(std::string_view name);
/** Throws ERR_ARGUMENT for an unknown name. */
c10::ScalarType parse_dtype(const std::string& name);

std::optional<c10::Device> find_device(const std::string& name);
c10::Device parse_device(const std::string& name);
std::string device_name(const c10::Device& device);

}  // namespace libtorch_node
