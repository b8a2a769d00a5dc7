// backward, gradients, and the modes that switch recording on and off.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <memory>

#include "core/async.h"
#include "core/convert.h"
#include "core/function.h"
#include "core/memory.h"
#include "core/tensor.h"

namespace libtorch_node {

void init_autocast(Napi::Object exports);
void init_backward_hooks(Napi::Object exports);

namespace {

using Info = Napi::CallbackInfo;
using torch::autograd::variable_list;

struct Request {
  variable_list tensors;
  variable_list gradients;
  bool retain_graph;
  bool create_graph;
  variable_list inputs;
};

std::shared_ptr<Request> request(const Info& info) {
  auto r = std::make_shared<Request>();
  r->tensors = unwrap_tensors(info[0], "backward");
  r->gradients = unwrap_tensors(info[1], "gradient");
  r->retain_graph = to_bool(info[2], "retainGraph");
  r->create_graph = to_bool(info[3], "createGraph");
  r->inputs = unwrap_tensors(info[4], "inputs");
  return r;
}

void run(const Request& r) {
  torch::autograd::backward(r.tensors, r.gradients, r.retain_graph, r.create_graph, r.inputs);
}

Napi::Value backward(const Info& info) {
  run(*request(info));
  account(info.Env());
  return info.Env().Undefined();
}

Napi::Value backward_async(const Info& info) {
  auto r = request(info);
  return run_async(info.Env(), [r] { run(*r); });
}

Napi::Value gradient(const Info& info) {
  const auto outputs = unwrap_tensors(info[0], "outputs");
  const auto inputs = unwrap_tensors(info[1], "inputs");
  const auto gradients = unwrap_tensors(info[2], "gradOutputs");
  const auto results = torch::autograd::grad(outputs, inputs, gradients, to_bool(info[3], "retainGraph"),
                                             to_bool(info[4], "createGraph"), to_bool(info[5], "allowUnused"));
  auto array = Napi::Array::New(info.Env(), results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    array.Set(static_cast<uint32_t>(i), Napi::Value(info.Env(), new_tensor(info.Env(), results[i])));
  }
  return array;
}

Napi::Value is_grad_enabled(const Info& info) { return Napi::Boolean::New(info.Env(), c10::GradMode::is_enabled()); }

Napi::Value set_grad_enabled(const Info& info) {
  c10::GradMode::set_enabled(to_bool(info[0], "enabled"));
  return info.Env().Undefined();
}

Napi::Value inference_mode(const Info& info) {
  c10::InferenceMode mode(true);
  return info[0].As<Napi::Function>().Call({});
}

Napi::Value is_inference_mode(const Info& info) {
  return Napi::Boolean::New(info.Env(), c10::InferenceMode::is_enabled());
}

}  // namespace

void init_autograd(Napi::Env, Napi::Object exports) {
  export_function<backward>(exports, "backward");
  export_function<backward_async>(exports, "backwardAsync");
  export_function<gradient>(exports, "gradient");
  export_function<is_grad_enabled>(exports, "isGradEnabled");
  export_function<set_grad_enabled>(exports, "setGradEnabled");
  export_function<inference_mode>(exports, "inferenceMode");
  export_function<is_inference_mode>(exports, "isInferenceModeEnabled");
  init_autocast(exports);
  init_backward_hooks(exports);
}

}  // namespace libtorch_node
