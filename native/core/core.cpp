#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ScalarOps.h>
#include <c10/core/DefaultDtype.h>
#include <torch/version.h>

#include "core/convert.h"
#include "core/dtype.h"
#include "core/env.h"
#include "core/function.h"
#include "core/memory.h"
#include "core/tensor.h"
#include "core/tensor_slots.h"

namespace libtorch_node {

void init_device(Napi::Env env, Napi::Object exports);
void init_settings(Napi::Env env, Napi::Object exports);
void init_tensor_facts(Napi::Env env, Napi::Object exports);
void init_tensor_data(Napi::Env env, Napi::Object exports);
void init_share(Napi::Env env, Napi::Object exports);
void init_signals(Napi::Env env, Napi::Object exports);
#ifdef __SANITIZE_ADDRESS__
void init_sanitizer_check(Napi::Env env, Napi::Object exports);
#endif

namespace {

using Info = Napi::CallbackInfo;

Napi::Value initialize(const Info& info) {
  auto hooks = info[0].As<Napi::Object>();
  auto& data = EnvData::of(info.Env());
  data.tensor_class = Napi::Persistent(hooks.Get("Tensor").As<Napi::Function>());
  data.handle_key = Napi::Reference<Napi::Symbol>::New(hooks.Get("handle").As<Napi::Symbol>(), 1);
  data.create_error = Napi::Persistent(hooks.Get("createError").As<Napi::Function>());
  data.collect_garbage = Napi::Persistent(hooks.Get("collectGarbage").As<Napi::Function>());
  start_accounting(info.Env());
  return info.Env().Undefined();
}

Napi::Value version(const Info& info) {
  auto object = Napi::Object::New(info.Env());
  // The version that LibTorch was compiled as is not in the library itself; lib/libtorch reads it from the files.
  object.Set("builtFor", LTN_BUILT_FOR);
  object.Set("libtorch", TORCH_VERSION);
  return object;
}

Napi::Value memory_stats(const Info& info) {
  auto object = Napi::Object::New(info.Env());
  object.Set("tensors", from_int(info.Env(), live_tensors()));
  object.Set("bytes", from_int(info.Env(), live_bytes()));
  object.Set("acceleratorBytes", from_int(info.Env(), accelerator_bytes()));
  return object;
}

Napi::Value tensor_test(const Info& info) { return Napi::Boolean::New(info.Env(), is_tensor(info.Env(), info[0])); }

Napi::Value dispose(const Info& info) {
  dispose_tensor(info.Env(), info[0]);
  return info.Env().Undefined();
}

Napi::Value disposed_test(const Info& info) { return Napi::Boolean::New(info.Env(), is_disposed(info.Env(), info[0])); }

Napi::Value get_num_threads(const Info& info) { return Napi::Number::New(info.Env(), at::get_num_threads()); }

Napi::Value set_num_threads(const Info& info) {
  const auto count = to_int(info[0], "setNumThreads");
  if (count < 1) fail_argument("setNumThreads expects a positive integer");
  at::set_num_threads(static_cast<int>(count));
  return info.Env().Undefined();
}

Napi::Value get_default_dtype(const Info& info) {
  return Napi::String::New(info.Env(), dtype_name(c10::get_default_dtype_as_scalartype()));
}

Napi::Value set_default_dtype(const Info& info) {
  c10::set_default_dtype(c10::scalarTypeToTypeMeta(parse_dtype(to_string(info[0], "dtype"))));
  return info.Env().Undefined();
}

Napi::Value promote_types(const Info& info) {
  const auto type = c10::promoteTypes(parse_dtype(to_string(info[0], "a")), parse_dtype(to_string(info[1], "b")));
  return Napi::String::New(info.Env(), dtype_name(type));
}

Napi::Value can_cast(const Info& info) {
  const bool can = c10::canCast(parse_dtype(to_string(info[0], "from")), parse_dtype(to_string(info[1], "to")));
  return Napi::Boolean::New(info.Env(), can);
}

// Numbers take part as 0-dimensional tensors that only their kind counts of.
at::Tensor as_operand(const Napi::Value& value) {
  if (is_tensor(value.Env(), value)) return unwrap_tensor(value);
  at::Scalar scalar = 0.0;
  if (value.IsBoolean()) {
    scalar = to_bool(value, "operand");
  } else if (const double number = to_double(value, "operand");
             std::abs(number) < 0x1p63 && number == std::trunc(number)) {
    scalar = static_cast<int64_t>(number);
  }
  auto tensor = at::scalar_to_tensor(scalar);
  tensor.unsafeGetTensorImpl()->set_wrapped_number(true);
  return tensor;
}

Napi::Value result_type(const Info& info) {
  return Napi::String::New(info.Env(), dtype_name(at::result_type(as_operand(info[0]), as_operand(info[1]))));
}

}  // namespace

EnvData::EnvData() : slots(new TensorSlots) {}
EnvData::~EnvData() { slots->close(); }

void init_core(Napi::Env env, Napi::Object exports) {
  install_counting_allocator();
  auto* data = new EnvData;
  env.SetInstanceData<EnvData>(data);
  env.AddCleanupHook(
      [](std::shared_ptr<Gate>* gate) {
        {
          std::lock_guard lock((*gate)->mutex);
          (*gate)->open = false;
        }
        delete gate;
      },
      new std::shared_ptr<Gate>(data->gate));
  export_function<initialize>(exports, "initialize");
  export_function<version>(exports, "version");
  export_function<memory_stats>(exports, "memoryStats");
  export_function<tensor_test>(exports, "isTensor");
  export_function<dispose>(exports, "dispose");
  export_function<disposed_test>(exports, "isDisposed");
  export_function<get_num_threads>(exports, "getNumThreads");
  export_function<set_num_threads>(exports, "setNumThreads");
  export_function<get_default_dtype>(exports, "getDefaultDtype");
  export_function<set_default_dtype>(exports, "setDefaultDtype");
  export_function<promote_types>(exports, "promoteTypes");
  export_function<can_cast>(exports, "canCast");
  export_function<result_type>(exports, "resultType");
  init_device(env, exports);
  init_settings(env, exports);
  init_tensor_facts(env, exports);
  init_tensor_data(env, exports);
  init_share(env, exports);
  init_signals(env, exports);
#ifdef __SANITIZE_ADDRESS__
  init_sanitizer_check(env, exports);
#endif
}

}  // namespace libtorch_node
