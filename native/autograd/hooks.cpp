// Hooks of the backward pass that are JavaScript functions.
//
// The engine runs the nodes of CPU tensors on the thread that called backward(), so that a synchronous backward() may
// call JavaScript. On any other thread (backwardAsync, a device's own) a hook refuses. No function of JavaScript is
// held here: a hook is a number that JavaScript knows its function by, since graphs are freed on any thread, and inside
// the collector. What is freed is noted, and JavaScript asks for the numbers that it can forget.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/version.h>

#include <memory>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <vector>

#include "core/convert.h"
#include "core/function.h"
#include "core/handle.h"
#include "core/tensor.h"

namespace libtorch_node {

namespace {

using Info = Napi::CallbackInfo;
using torch::autograd::variable_list;
namespace impl = torch::autograd::impl;

/** Where the hooks of one environment live: the thread, and the function that knows them all by number. */
struct Home {
  napi_env env = nullptr;
  std::thread::id thread = std::this_thread::get_id();
  /** gone when the environment begins to end */
  napi_ref caller = nullptr;
  std::mutex mutex;
  std::vector<uint32_t> freed;

  static void close(void* data) {
    auto& home = **static_cast<std::shared_ptr<Home>*>(data);
    napi_delete_reference(home.env, home.caller);
    home.caller = nullptr;
    delete static_cast<std::shared_ptr<Home>*>(data);
  }
};

/** A hook's number; when the last holder lets go of it, it is noted as free. */
struct Token {
  Token(std::shared_ptr<Home> at, uint32_t number) : home(std::move(at)), id(number) {}
  Token(const Token&) = delete;
  Token& operator=(const Token&) = delete;
  ~Token() {
    const std::lock_guard<std::mutex> lock(home->mutex);
    home->freed.push_back(id);
  }

  /** Calls the hook. False when it left the gradients as they are, else `grads` are what it returned. */
  bool call(variable_list& grads) const;

  std::shared_ptr<Home> home;
  uint32_t id;
};

bool Token::call(variable_list& grads) const {
  if (std::this_thread::get_id() != home->thread) {
    fail_argument(
        "a backward hook is a JavaScript function and can only run on the thread that it was made on; "
        "use backward() on the CPU instead of backwardAsync() (and no more than 60 inside each other), or remove the "
        "hook");
  }
  if (home->caller == nullptr) return false;
  const Napi::Env env(home->env);
  const Napi::HandleScope scope(env);
  auto list = Napi::Array::New(env, grads.size());
  for (size_t i = 0; i < grads.size(); ++i) {
    list.Set(static_cast<uint32_t>(i), Napi::Value(env, new_tensor(env, grads[i])));
  }
  napi_value caller = nullptr;
  napi_get_reference_value(env, home->caller, &caller);
  const napi_value arguments[] = {Napi::Number::New(env, id), list};
  napi_value returned = nullptr;
  // A hook's own exception is kept by the caller, which then returns false; what fails here is the environment.
  if (napi_call_function(env, env.Undefined(), caller, 2, arguments, &returned) != napi_ok) {
    fail("ERR_TORCH", "a backward hook could not be called");
  }
  const Napi::Value result(env, returned);
  if (result.IsBoolean()) fail("ERR_TORCH", "a backward hook threw");
  if (!result.IsArray()) return false;
  auto changed = unwrap_tensors(result, "the result of a backward hook");
  if (changed.size() != grads.size()) fail_argument("a backward hook returned a wrong number of gradients");
  grads = std::move(changed);
  return true;
}

std::shared_ptr<Token> token_of(const Napi::Value& home, const Napi::Value& id) {
  return std::make_shared<Token>(unwrap<Home>(home, "home of hooks"), id.As<Napi::Number>().Uint32Value());
}

Napi::Value new_hook_home(const Info& info) {
  auto home = std::make_shared<Home>();
  home->env = info.Env();
  if (napi_create_reference(info.Env(), info[0], 1, &home->caller) != napi_ok) throw Napi::Error::New(info.Env());
  napi_add_env_cleanup_hook(info.Env(), Home::close, new std::shared_ptr<Home>(home));
  return make_handle(info.Env(), std::move(home));
}

Napi::Value freed_hooks(const Info& info) {
  auto& home = *unwrap<Home>(info[0], "home of hooks");
  std::vector<uint32_t> freed;
  {
    const std::lock_guard<std::mutex> lock(home.mutex);
    freed.swap(home.freed);
  }
  auto array = Napi::Array::New(info.Env(), freed.size());
  for (size_t i = 0; i < freed.size(); ++i) array.Set(static_cast<uint32_t>(i), freed[i]);
  return array;
}

// ---- hooks of one tensor

Napi::Value register_tensor_hook(const Info& info) {
  const auto tensor = unwrap_tensor(info[1], "registerHook");
  auto token = token_of(info[0], info[2]);
  const auto position = tensor.register_hook([token](const at::Tensor& grad) -> at::Tensor {
    if (!grad.defined()) return {};
    variable_list grads{grad};
    if (!token->call(grads)) return {};
    return grads[0];
  });
  return Napi::Number::New(info.Env(), position);
}

Napi::Value remove_tensor_hook(const Info& info) {
  unwrap_tensor(info[0], "remove").remove_hook(info[1].As<Napi::Number>().Uint32Value());
  return info.Env().Undefined();
}

struct PostAccumulateHooks final : torch::autograd::PostAccumulateGradHook {
  std::vector<std::shared_ptr<Token>> tokens;

  void operator()(const at::Tensor& tensor) override {
    // A hook may remove itself.
    const auto present = tokens;
    for (const auto& token : present) {
      variable_list list{tensor};
      token->call(list);
    }
  }
};

PostAccumulateHooks& hooks_after_accumulation(const at::Tensor& tensor) {
  auto* meta = impl::materialize_autograd_meta(tensor);
  if (meta->post_acc_grad_hooks_ == nullptr) {
    impl::set_post_acc_grad_hooks(tensor, std::make_unique<PostAccumulateHooks>());
  }
  return dynamic_cast<PostAccumulateHooks&>(*meta->post_acc_grad_hooks_);
}

Napi::Value register_post_accumulate_hook(const Info& info) {
  const auto tensor = unwrap_tensor(info[1], "registerPostAccumulateGradHook");
  hooks_after_accumulation(tensor).tokens.push_back(token_of(info[0], info[2]));
  return info.Env().Undefined();
}

Napi::Value remove_post_accumulate_hook(const Info& info) {
  const auto tensor = unwrap_tensor(info[0], "remove");
  const auto id = info[1].As<Napi::Number>().Uint32Value();
  auto& tokens = hooks_after_accumulation(tensor).tokens;
  std::erase_if(tokens, [id](const std::shared_ptr<Token>& token) { return token->id == id; });
  return info.Env().Undefined();
}

// ---- hooks of the node that made a tensor

/** Sees the gradients that a node passes on, and those that came to it; may replace the former. */
struct NodeHook final : torch::autograd::FunctionPostHook {
  std::shared_ptr<Token> token;

  variable_list operator()(const variable_list& passed, const variable_list& came) override {
    variable_list grads = passed;
    grads.insert(grads.end(), came.begin(), came.end());
    if (!token->call(grads)) return passed;
    grads.resize(passed.size());
    return grads;
  }
};

Napi::Value register_node_hook(const Info& info) {
  const auto tensor = unwrap_tensor(info[1], "registerNodeHook");
  const auto& node = tensor.grad_fn();
  if (!node) fail_argument("a tensor without grad_fn has no node for a hook");
  auto hook = std::make_unique<NodeHook>();
  hook->token = token_of(info[0], info[2]);
  node->add_post_hook(std::move(hook));
  return Napi::Number::New(info.Env(), static_cast<double>(node->num_inputs()));
}

/** A node by which two can be compared; zero where there is none. */
Napi::Value node_value(Napi::Env env, const torch::autograd::Node* node) {
  return Napi::BigInt::New(env, static_cast<uint64_t>(reinterpret_cast<uintptr_t>(node)));
}

Napi::Value grad_fn_node(const Info& info) {
  const auto tensor = unwrap_tensor(info[0], "gradFnNode");
  return node_value(info.Env(), tensor.grad_fn().get());
}

Napi::Value next_nodes(const Info& info) {
  const auto tensor = unwrap_tensor(info[0], "nextNodes");
  const auto& node = tensor.grad_fn();
  auto array = Napi::Array::New(info.Env());
  if (!node) return array;
  for (const auto& edge : node->next_edges()) {
    array.Set(array.Length(), node_value(info.Env(), edge.function.get()));
  }
  return array;
}

// ---- the border of a module

/**
 * The identity, whose gradients a hook sees and may replace: BackwardHookFunction of torch/nn/modules/_functions.py,
 * PyTorch 2.13, together with the hook that torch/utils/hooks.py registers on its node.
 */
struct Border final : torch::autograd::Node {
  std::shared_ptr<Token> token;
  /** What of the forward's results is; zeros stand in for gradients that did not come. Empty: they stay away. */
  std::vector<torch::autograd::VariableInfo> results;

  variable_list apply(variable_list&& grads) override {
    at::OptionalDeviceGuard guard;
    for (size_t i = 0; i < results.size() && i < grads.size(); ++i) {
      if (!grads[i].defined()) grads[i] = results[i].zeros(guard);
    }
    token->call(grads);
    return std::move(grads);
  }
  std::string name() const override { return "BackwardHookFunctionBackward"; }
};

/** Nodes count their references themselves from LibTorch 2.13 on. */
template <class N>
auto make_node() {
  if constexpr (std::is_base_of_v<c10::intrusive_ptr_target, N>) {
    return c10::make_intrusive<N>();
  } else {
    return std::make_shared<N>();
  }
}

Napi::Value backward_border(const Info& info) {
  const auto inputs = unwrap_tensors(info[1], "the tensors at the border of a module");
  auto node = make_node<Border>();
  node->token = token_of(info[0], info[2]);
  node->set_next_edges(torch::autograd::collect_next_edges(inputs));
  node->clear_input_metadata();
  std::unordered_set<at::TensorImpl*> fixed;
  std::vector<std::optional<at::Tensor>> raw;
  for (const auto& input : inputs) {
    if (!input.requires_grad()) fixed.insert(input.unsafeGetTensorImpl());
    raw.emplace_back(input);
  }
  const auto wrap = [&](auto&... attached) {
    return torch::autograd::_wrap_outputs(
        inputs, fixed, {}, raw, node,
        [](const variable_list&, const variable_list&) -> variable_list {
          fail("ERR_TORCH", "forward-mode differentiation through a module with backward hooks is not supported");
        },
        {}, [](const at::Tensor& x) { return x.view_as(x); }, false, attached...);
  };
#if TORCH_VERSION_MINOR >= 14
  c10::intrusive_ptr<torch::autograd::Node> attached;  // `node` itself, as no input is changed in place
  const auto outputs = wrap(attached);
#else
  const auto outputs = wrap();
#endif
  auto array = Napi::Array::New(info.Env(), outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (to_bool(info[3], "zeros")) node->results.emplace_back(*outputs[i]);
    array.Set(static_cast<uint32_t>(i), Napi::Value(info.Env(), new_tensor(info.Env(), *outputs[i])));
  }
  return array;
}

}  // namespace

void init_backward_hooks(Napi::Object exports) {
  export_function<new_hook_home>(exports, "newHookHome");
  export_function<freed_hooks>(exports, "freedHooks");
  export_function<register_tensor_hook>(exports, "registerTensorHook");
  export_function<remove_tensor_hook>(exports, "removeTensorHook");
  export_function<register_post_accumulate_hook>(exports, "registerPostAccumulateHook");
  export_function<remove_post_accumulate_hook>(exports, "removePostAccumulateHook");
  export_function<register_node_hook>(exports, "registerNodeHook");
  export_function<grad_fn_node>(exports, "gradFnNode");
  export_function<next_nodes>(exports, "nextNodes");
  export_function<backward_border>(exports, "backwardBorder");
}

}  // namespace libtorch_node
