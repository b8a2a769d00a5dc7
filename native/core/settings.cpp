// Process-wide settings of LibTorch by name: one table, so that a further one is a row.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/anomaly_mode.h>

#include <string>

#include "core/convert.h"
#include "core/function.h"

namespace libtorch_node {

namespace {

using Info = Napi::CallbackInfo;
using torch::autograd::AnomalyMode;

at::Context& context() { return at::globalContext(); }

struct Switch {
  const char* name;
  bool (*get)();
  void (*set)(bool);
};

const Switch kSwitches[] = {
    {"deterministic", [] { return context().deterministicAlgorithms(); },
     [](bool on) { context().setDeterministicAlgorithms(on, context().deterministicAlgorithmsWarnOnly()); }},
    {"deterministic_warn_only", [] { return context().deterministicAlgorithmsWarnOnly(); },
     [](bool on) { context().setDeterministicAlgorithms(context().deterministicAlgorithms(), on); }},
    {"fill_uninitialized_memory", [] { return context().deterministicFillUninitializedMemory(); },
     [](bool on) { context().setDeterministicFillUninitializedMemory(on); }},
    {"anomaly", [] { return AnomalyMode::is_enabled(); },
     [](bool on) { AnomalyMode::set_enabled(on, AnomalyMode::should_check_nan()); }},
    {"anomaly_check_nan", [] { return AnomalyMode::should_check_nan(); },
     [](bool on) { AnomalyMode::set_enabled(AnomalyMode::is_enabled(), on); }},
    {"warn_always", [] { return c10::WarningUtils::get_warnAlways(); },
     [](bool on) { c10::WarningUtils::set_warnAlways(on); }},
    {"cudnn_enabled", [] { return context().userEnabledCuDNN(); }, [](bool on) { context().setUserEnabledCuDNN(on); }},
    {"cudnn_benchmark", [] { return context().benchmarkCuDNN(); }, [](bool on) { context().setBenchmarkCuDNN(on); }},
    {"cudnn_deterministic", [] { return context().deterministicCuDNN(); },
     [](bool on) { context().setDeterministicCuDNN(on); }},
    {"cudnn_allow_tf32", [] { return context().allowTF32CuDNN(); }, [](bool on) { context().setAllowTF32CuDNN(on); }},
    {"cuda_matmul_allow_tf32", [] { return context().allowTF32CuBLAS(); },
     [](bool on) { context().setAllowTF32CuBLAS(on); }},
    {"mkldnn_enabled", [] { return context().userEnabledMkldnn(); },
     [](bool on) { context().setUserEnabledMkldnn(on); }},
    {"mkldnn_deterministic", [] { return context().deterministicMkldnn(); },
     [](bool on) { context().setDeterministicMkldnn(on); }},
    {"flash_sdp", [] { return context().userEnabledFlashSDP(); }, [](bool on) { context().setSDPUseFlash(on); }},
    {"mem_efficient_sdp", [] { return context().userEnabledMemEfficientSDP(); },
     [](bool on) { context().setSDPUseMemEfficient(on); }},
    {"math_sdp", [] { return context().userEnabledMathSDP(); }, [](bool on) { context().setSDPUseMath(on); }},
    {"cudnn_sdp", [] { return context().userEnabledCuDNNSDP(); }, [](bool on) { context().setSDPUseCuDNN(on); }},
    {"has_mkl", [] { return at::hasMKL(); }, nullptr},
    {"has_mkldnn", [] { return at::hasMKLDNN(); }, nullptr},
    {"has_openmp", [] { return at::hasOpenMP(); }, nullptr},
    {"has_lapack", [] { return at::hasLAPACK(); }, nullptr},
    {"has_cudnn", [] { return context().hasCuDNN(); }, nullptr},
};

const Switch& find(const std::string& name) {
  for (const auto& row : kSwitches) {
    if (name == row.name) return row;
  }
  fail_argument("there is no setting " + name);
}

Napi::Value get_switch(const Info& info) {
  return Napi::Boolean::New(info.Env(), find(to_string(info[0], "setting")).get());
}

Napi::Value set_switch(const Info& info) {
  const auto& row = find(to_string(info[0], "setting"));
  if (row.set == nullptr) fail_argument(std::string(row.name) + " cannot be set");
  row.set(to_bool(info[1], row.name));
  return info.Env().Undefined();
}

constexpr const char* kPrecisions[] = {"highest", "high", "medium"};

Napi::Value get_matmul_precision(const Info& info) {
  return Napi::String::New(info.Env(), kPrecisions[static_cast<int>(context().float32MatmulPrecision())]);
}

Napi::Value set_matmul_precision(const Info& info) {
  context().setFloat32MatmulPrecision(to_string(info[0], "precision"));
  return info.Env().Undefined();
}

Napi::Value set_flush_denormal(const Info& info) {
  return Napi::Boolean::New(info.Env(), context().setFlushDenormal(to_bool(info[0], "mode")));
}

Napi::Value get_interop_threads(const Info& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(at::get_num_interop_threads()));
}

Napi::Value set_interop_threads(const Info& info) {
  const auto count = to_int(info[0], "setNumInteropThreads");
  if (count < 1) fail_argument("setNumInteropThreads expects a positive integer");
  at::set_num_interop_threads(static_cast<int>(count));
  return info.Env().Undefined();
}

}  // namespace

void init_settings(Napi::Env, Napi::Object exports) {
  export_function<get_switch>(exports, "getSwitch");
  export_function<set_switch>(exports, "setSwitch");
  export_function<get_matmul_precision>(exports, "getFloat32MatmulPrecision");
  export_function<set_matmul_precision>(exports, "setFloat32MatmulPrecision");
  export_function<set_flush_denormal>(exports, "setFlushDenormal");
  export_function<get_interop_threads>(exports, "getNumInteropThreads");
  export_function<set_interop_threads>(exports, "setNumInteropThreads");
}

}  // namespace libtorch_node
