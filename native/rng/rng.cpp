// Random number generators and their state.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/core/Generator.h>

#include <mutex>

#include "core/convert.h"
#include "core/dtype.h"
#include "core/function.h"
#include "core/tensor.h"

namespace libtorch_node {

namespace {

using Info = Napi::CallbackInfo;

at::Generator& generator(const Info& info) { return *unwrap<at::Generator>(info[0], "Generator"); }

// The handle is attached to the caller's object, so that operators take the Generator itself.
Napi::Value attach(const Info& info, at::Generator made) {
  auto* shared = new std::shared_ptr<at::Generator>(std::make_shared<at::Generator>(std::move(made)));
  attach_handle(info.Env(), info[0], new Handle{.release = &release_shared<at::Generator>, .object = shared});
  return info[0];
}

at::Generator default_of(const c10::Device& device) {
  if (device.is_cpu()) return at::detail::getDefaultCPUGenerator();
  return at::globalContext().defaultGenerator(device);
}

Napi::Value default_generator(const Info& info) {
  return attach(info, default_of(parse_device(to_string(info[1], "device"))));
}

Napi::Value new_generator(const Info& info) {
  const auto device = parse_device(to_string(info[1], "device"));
  if (device.is_cpu()) return attach(info, at::detail::createCPUGenerator());
  return attach(info, at::globalContext().getAcceleratorHooksInterface(device.type()).getNewGenerator(device.index()));
}

Napi::Value generator_device(const Info& info) {
  return Napi::String::New(info.Env(), device_name(generator(info).device()));
}

uint64_t seed_of(const Napi::Value& value) {
  if (!value.IsBigInt()) fail_argument("the seed must be a bigint here");
  bool lossless = false;
  return value.As<Napi::BigInt>().Uint64Value(&lossless);
}

Napi::Value generator_seed(const Info& info) {
  auto& g = generator(info);
  std::lock_guard lock(g.mutex());
  g.set_current_seed(seed_of(info[1]));
  return info.Env().Undefined();
}

Napi::Value generator_initial_seed(const Info& info) {
  auto& g = generator(info);
  std::lock_guard lock(g.mutex());
  return Napi::BigInt::New(info.Env(), g.current_seed());
}

Napi::Value generator_random_seed(const Info& info) {
  auto& g = generator(info);
  std::lock_guard lock(g.mutex());
  return Napi::BigInt::New(info.Env(), g.seed());
}

Napi::Value generator_state(const Info& info) {
  auto& g = generator(info);
  std::lock_guard lock(g.mutex());
  return Napi::Value(info.Env(), new_tensor(info.Env(), g.get_state()));
}

Napi::Value generator_set_state(const Info& info) {
  auto& g = generator(info);
  const auto state = unwrap_tensor(info[1], "state");
  std::lock_guard lock(g.mutex());
  g.set_state(state);
  return info.Env().Undefined();
}

Napi::Value manual_seed(const Info& info) {
  at::manual_seed(seed_of(info[0]));
  return info.Env().Undefined();
}

}  // namespace

void install_bernoulli();

void init_rng(Napi::Env, Napi::Object exports) {
  install_bernoulli();
  export_function<default_generator>(exports, "defaultGenerator");
  export_function<new_generator>(exports, "newGenerator");
  export_function<generator_device>(exports, "generatorDevice");
  export_function<generator_seed>(exports, "generatorSeed");
  export_function<generator_random_seed>(exports, "generatorRandomSeed");
  export_function<generator_initial_seed>(exports, "generatorInitialSeed");
  export_function<generator_state>(exports, "generatorState");
  export_function<generator_set_state>(exports, "generatorSetState");
  export_function<manual_seed>(exports, "manualSeed");
}

}  // namespace libtorch_node
