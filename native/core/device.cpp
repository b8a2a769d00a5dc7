// Accelerators by their kind alone: nothing here knows CUDA, so that one addon serves every LibTorch.
#include <ATen/DeviceAccelerator.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "core/convert.h"
#include "core/dtype.h"
#include "core/error.h"
#include "core/function.h"
#include "core/memory.h"

namespace libtorch_node {

namespace {

using Info = Napi::CallbackInfo;

/** null for the CPU, and where the kind has no caching allocator, or has not been used yet */
c10::DeviceAllocator* caching_allocator(c10::DeviceType type) {
  if (type == c10::kCPU) return nullptr;
  auto* allocator = dynamic_cast<c10::DeviceAllocator*>(c10::GetAllocator(type));
  return allocator != nullptr && allocator->initialized() ? allocator : nullptr;
}

int64_t device_count_of(c10::DeviceType type) {
  if (type == c10::kCPU) return 1;
  return c10::impl::hasDeviceGuardImpl(type) ? c10::impl::getDeviceGuardImpl(type)->deviceCount() : 0;
}

/** The device of a text such as 'cuda:1', of which there must be one here; without a number the current one. */
c10::Device existing_device(const Napi::Value& value) {
  const auto device = parse_device(to_string(value, "device"));
  const auto count = device_count_of(device.type());
  if (device.has_index() ? device.index() >= count : count == 0) {
    fail("ERR_DEVICE", "there is no device " + device.str() + ": of its kind there are " + std::to_string(count));
  }
  if (device.has_index() || device.is_cpu()) return device;
  return c10::impl::getDeviceGuardImpl(device.type())->getDevice();
}

Napi::Value device_count(const Info& info) {
  return Napi::Number::New(info.Env(),
                           static_cast<double>(device_count_of(c10::Device(to_string(info[0], "device")).type())));
}

Napi::Value device_memory(const Info& info) {
  const auto device = existing_device(info[0]);
  int64_t allocated = 0, reserved = 0;
  if (auto* allocator = caching_allocator(device.type())) {
    const auto stats = allocator->getDeviceStats(device.index());
    constexpr auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    allocated = stats.allocated_bytes[all].current;
    reserved = stats.reserved_bytes[all].current;
  }
  auto object = Napi::Object::New(info.Env());
  object.Set("allocated", from_int(info.Env(), allocated));
  object.Set("reserved", from_int(info.Env(), reserved));
  return object;
}

Napi::Value empty_device_cache(const Info& info) {
  if (auto* allocator = caching_allocator(c10::Device(to_string(info[0], "device")).type())) allocator->emptyCache();
  return info.Env().Undefined();
}

Napi::Value synchronize_device(const Info& info) {
  const auto device = existing_device(info[0]);
  if (!device.is_cpu()) c10::impl::getDeviceGuardImpl(device.type())->synchronizeDevice(device.index());
  return info.Env().Undefined();
}

}  // namespace

int64_t accelerator_bytes() {
  const auto type = at::getAccelerator(false);
  auto* allocator = type ? caching_allocator(*type) : nullptr;
  if (allocator == nullptr) return 0;
  int64_t bytes = 0;
  for (int64_t i = 0; i < device_count_of(*type); ++i) {
    const auto stats = allocator->getDeviceStats(static_cast<c10::DeviceIndex>(i));
    bytes += stats.allocated_bytes[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)].current;
  }
  return bytes;
}

void init_device(Napi::Env, Napi::Object exports) {
  export_function<device_count>(exports, "deviceCount");
  export_function<device_memory>(exports, "deviceMemory");
  export_function<empty_device_cache>(exports, "emptyDeviceCache");
  export_function<synchronize_device>(exports, "synchronizeDevice");
}

}  // namespace libtorch_node
