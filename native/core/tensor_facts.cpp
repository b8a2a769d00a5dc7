// What a tensor is: sizes, dtype, place, and its standing in autograd.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/variable.h>

#include "core/convert.h"
#include "core/dtype.h"
#include "core/function.h"
#include "core/tensor.h"

namespace libtorch_node {

namespace {

using Info = Napi::CallbackInfo;

at::Tensor self(const Info& info) { return unwrap_tensor(info[0], "self"); }

Napi::Value shape(const Info& info) {
  const auto t = self(info);
  if (t.is_nested()) fail("ERR_TORCH", "a nested tensor has no shape; ask its components, from unbind()");
  return from_ints(info.Env(), t.sizes());
}
Napi::Value strides(const Info& info) { return from_ints(info.Env(), self(info).strides()); }
Napi::Value ndim(const Info& info) { return from_int(info.Env(), self(info).dim()); }
Napi::Value numel(const Info& info) { return from_int(info.Env(), self(info).numel()); }
Napi::Value dtype(const Info& info) { return Napi::String::New(info.Env(), dtype_name(self(info).scalar_type())); }
Napi::Value device(const Info& info) { return Napi::String::New(info.Env(), device_name(self(info).device())); }

Napi::Value layout(const Info& info) {
  std::ostringstream text;
  text << self(info).layout();
  auto name = text.str();
  for (auto& c : name) c = static_cast<char>(std::tolower(c));
  return Napi::String::New(info.Env(), name == "sparse"               ? "sparse_coo"
                                       : name.rfind("sparse", 0) == 0 ? "sparse_" + name.substr(6)
                                                                      : name);
}

Napi::Value element_size(const Info& info) { return from_int(info.Env(), self(info).element_size()); }

Napi::Value is_contiguous(const Info& info) {
  const auto name = to_string(info[1], "memoryFormat");
  const auto format = name == "channels_last"      ? at::MemoryFormat::ChannelsLast
                      : name == "channels_last_3d" ? at::MemoryFormat::ChannelsLast3d
                                                   : at::MemoryFormat::Contiguous;
  return Napi::Boolean::New(info.Env(), self(info).is_contiguous(format));
}

Napi::Value is_conj(const Info& info) { return Napi::Boolean::New(info.Env(), self(info).is_conj()); }
Napi::Value is_neg(const Info& info) { return Napi::Boolean::New(info.Env(), self(info).is_neg()); }
Napi::Value is_inference(const Info& info) { return Napi::Boolean::New(info.Env(), self(info).is_inference()); }

Napi::Value data_ptr(const Info& info) {
  return Napi::BigInt::New(info.Env(), reinterpret_cast<uint64_t>(self(info).const_data_ptr()));
}

Napi::Value retain_grad(const Info& info) {
  self(info).retain_grad();
  return info.Env().Undefined();
}

Napi::Value requires_grad(const Info& info) { return Napi::Boolean::New(info.Env(), self(info).requires_grad()); }

Napi::Value set_requires_grad(const Info& info) {
  const auto t = self(info);
  const bool value = to_bool(info[1], "requiresGrad");
  if (!t.is_leaf() && !value) {
    fail("ERR_TORCH",
         "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in a "
         "subgraph that doesn't require differentiation use varNoGrad = var.detach().");
  }
  const auto type = t.scalar_type();
  if (value && !(at::isFloatingType(type) || at::isComplexType(type))) {
    fail("ERR_DTYPE",
         std::string("only Tensors of floating point and complex dtype can require gradients; this one is ") +
             dtype_name(type));
  }
  t.set_requires_grad(value);
  return info.Env().Undefined();
}

Napi::Value is_leaf(const Info& info) { return Napi::Boolean::New(info.Env(), self(info).is_leaf()); }

Napi::Value grad_fn_name(const Info& info) {
  const auto t = self(info);
  const auto& node = t.grad_fn();
  return Napi::String::New(info.Env(), node ? node->name() : "");
}

Napi::Value grad(const Info& info) {
  const auto t = self(info);
  return Napi::Value(info.Env(), new_tensor(info.Env(), t.grad()));
}

Napi::Value set_grad(const Info& info) {
  const auto t = self(info);
  const auto gradient = unwrap_optional_tensor(info[1], "grad");
  if (gradient.defined()) {
    if (gradient.is_same(t)) fail_argument("can't assign Variable as its own grad");
    if (gradient.sizes() != t.sizes()) {
      fail("ERR_SHAPE", "assigned grad has data of a different size: the tensor has shape " + c10::str(t.sizes()) +
                            ", the gradient " + c10::str(gradient.sizes()));
    }
    if (gradient.scalar_type() != t.scalar_type()) {
      fail("ERR_DTYPE", std::string("assigned grad has data of a different type: the tensor has dtype ") +
                            dtype_name(t.scalar_type()) + ", the gradient " + dtype_name(gradient.scalar_type()));
    }
    if (gradient.device() != t.device()) fail("ERR_DEVICE", "assigned grad has data located on a different device");
  }
  t.mutable_grad() = gradient;
  return info.Env().Undefined();
}

Napi::Value set_data(const Info& info) {
  self(info).set_data(unwrap_tensor(info[1], "data"));
  return info.Env().Undefined();
}

Napi::Value alias(const Info& info) {
  return Napi::Value(info.Env(), wrap_tensor(info.Env(), info[0], unwrap_tensor(info[1], "tensor")));
}

}  // namespace

void init_tensor_facts(Napi::Env, Napi::Object exports) {
  export_function<shape>(exports, "shape");
  export_function<strides>(exports, "strides");
  export_function<ndim>(exports, "ndim");
  export_function<numel>(exports, "numel");
  export_function<dtype>(exports, "dtype");
  export_function<device>(exports, "device");
  export_function<layout>(exports, "layout");
  export_function<element_size>(exports, "elementSize");
  export_function<is_contiguous>(exports, "isContiguous");
  export_function<is_conj>(exports, "isConj");
  export_function<is_neg>(exports, "isNeg");
  export_function<is_inference>(exports, "isInference");
  export_function<data_ptr>(exports, "dataPtr");
  export_function<retain_grad>(exports, "retainGrad");
  export_function<requires_grad>(exports, "requiresGrad");
  export_function<set_requires_grad>(exports, "setRequiresGrad");
  export_function<is_leaf>(exports, "isLeaf");
  export_function<grad_fn_name>(exports, "gradFnName");
  export_function<grad>(exports, "grad");
  export_function<set_grad>(exports, "setGrad");
  export_function<set_data>(exports, "setData");
  export_function<alias>(exports, "alias");
}

}  // namespace libtorch_node
