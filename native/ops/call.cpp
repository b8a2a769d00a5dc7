// Calls an operator from JavaScript: the one path that every operator takes.
#include "ops/call.h"

#include <algorithm>
#include <cstddef>
#include <type_traits>

#include "core/convert.h"
#include "core/env.h"
#include "core/memory.h"
#include "core/tensor.h"
#include "ops/arguments.h"

namespace libtorch_node {

namespace {

using Stack = torch::jit::Stack;

// No schema has more than 30 arguments; a variadic call (`view(2, 3, …)`) may have one for each dimension.
constexpr size_t kMaxArgs = 72;
constexpr size_t kNone = static_cast<size_t>(-1);

// Storage for the most arguments, of which a call touches only those that it has.
struct Args {
  Args() {}
  Arg& operator[](size_t i) { return items()[i]; }
  const Arg& operator[](size_t i) const { return const_cast<Args*>(this)->items()[i]; }
  const Arg* begin() const { return const_cast<Args*>(this)->items(); }
  void push(const Arg& arg) { new (&items()[count++]) Arg(arg); }

  size_t count = 0;

 private:
  Arg* items() { return reinterpret_cast<Arg*>(storage_); }
  alignas(Arg) std::byte storage_[kMaxArgs * sizeof(Arg)];
};
static_assert(std::is_trivially_destructible_v<Arg>);

// What a function in JavaScript points at: one for each operator and environment.
struct Target {
  const Operator* op;
  EnvData* data;
};

struct Call {
  const Operator* op;
  EnvData* data;
  /** where operators return one tensor: an empty Tensor object for it */
  napi_value out;
  Args args;
  /** of overload(): which one */
  size_t index = 0;
};

const Arg kMissing{};

// view(2, 3): all numbers from the first list argument on belong to that list.
bool convert_variadic(const Overload& overload, const Args& args, Stack& stack) {
  const size_t first = overload.positional - 1;
  if (args.count < first + 1) return false;
  c10::List<int64_t> list;
  for (size_t i = first; i < args.count; ++i) {
    if (args[i].kind != Kind::Int) return false;
    list.push_back(static_cast<int64_t>(args[i].number));
  }
  stack.emplace_back(std::move(list));
  return true;
}

// Fills the stack for one overload; returns kNone when all fits, else the position of the argument that does not.
size_t fill(napi_env env, const Operator& op, const Overload& overload, const Args& args, bool by_position,
            bool lenient, Stack& stack) {
  stack.clear();
  const bool numbers = op.numbers_as_tensors;
  const size_t most = by_position ? overload.positional : overload.args.size();
  size_t from = 0;
  bool variadic = false;
  if (by_position && overload.variadic && args.count >= overload.positional) {
    variadic = args[overload.positional - 1].kind == Kind::Int;
  }
  if (args.count > most && !variadic) return most;
  stack.reserve(overload.args.size());
  for (; from < overload.args.size(); ++from) {
    if (variadic && from == overload.positional - 1) {
      if (!convert_variadic(overload, args, stack)) return from;
      continue;
    }
    c10::IValue value;
    const bool given = from < args.count && (!by_position || from < overload.positional);
    const Arg& arg = given ? args[from] : kMissing;
    if (!convert(env, overload.args[from], arg, lenient, numbers, value)) return from;
    stack.push_back(std::move(value));
  }
  return kNone;
}

std::string signature(const Overload& overload) {
  std::string text = "(";
  bool star = false;
  for (size_t i = 0; i < overload.args.size(); ++i) {
    const auto& argument = overload.handle.schema().arguments()[i];
    if (i > 0) text += ", ";
    if (argument.kwarg_only() && !star) {
      text += "*, ";
      star = true;
    }
    text += type_text(argument) + " " + argument.name();
    if (argument.default_value()) text += "=" + c10::str(*argument.default_value());
  }
  return text + ")";
}

std::string base_name(const Operator& op) { return op.name.rfind("aten::", 0) == 0 ? op.name.substr(6) : op.name; }

[[noreturn]] void no_match(napi_env env, const Operator& op, const Args& args, bool by_position) {
  std::string message = base_name(op) + "(): ";
  Stack stack;
  size_t furthest = 0;
  const Overload* best = nullptr;
  for (const auto& overload : op.overloads) {
    const size_t at = fill(env, op, overload, args, by_position, true, stack);
    if (best == nullptr || (at != kNone && at > furthest)) {
      best = &overload;
      furthest = at;
    }
  }
  const size_t most = by_position ? best->positional : best->args.size();
  if (op.overloads.size() == 1 && furthest < best->args.size() && args.count <= most) {
    const auto& argument = best->handle.schema().arguments()[furthest];
    const bool missing = furthest >= args.count || args[furthest].kind <= Kind::Undefined;
    if (argument.name() == "self" && furthest == 0) {
      message += "the receiver must be a Tensor, but it is " + (missing ? "missing" : describe(env, args[0]));
    } else if (const auto type = best->args[furthest].type;
               !missing && args[furthest].kind == Kind::String && (type == ArgType::Device || type == ArgType::Dtype)) {
      message += "'" + Napi::String(env, args[furthest].value).Utf8Value() + "' is no " +
                 (type == ArgType::Device ? "device; devices are 'cpu', 'cuda', 'cuda:0', 'meta', …"
                                          : "dtype; dtypes are 'float32', 'float64', 'int64', 'bool', …");
    } else {
      message += "argument '" + argument.name() + "' must be " + type_text(argument) +
                 (missing ? ", but it is missing" : ", received " + describe(env, args[furthest]));
    }
  } else {
    message += "no signature takes (";
    for (size_t i = 0; i < args.count; ++i) message += (i > 0 ? ", " : "") + describe(env, args[i]);
    message += ")";
  }
  message += "\nsignatures (options may also be given by name in a last object, in camelCase):";
  for (const auto& overload : op.overloads) message += "\n  " + base_name(op) + signature(overload);
  fail_argument(message);
}

std::string camel(const std::string& name) {
  std::string out;
  bool upper = false;
  for (const char c : name) {
    if (c == '_' && !out.empty()) {
      upper = true;
    } else {
      out += upper ? static_cast<char>(std::toupper(c)) : c;
      upper = false;
    }
  }
  return out;
}

// A tensor that the operator was given and returns (in place, or with nothing to do) is the caller's own object, as in
// Python.
size_t own_argument(const Args& args, const at::Tensor& tensor) {
  const auto* impl = tensor.unsafeGetTensorImpl();
  for (size_t i = 0; i < args.count; ++i) {
    if (args[i].tensor == impl) return i;
  }
  return kNone;
}

napi_value tensor_result(napi_env env, const Args& args, at::Tensor tensor) {
  const auto own = own_argument(args, tensor);
  return own == kNone ? new_tensor(env, std::move(tensor)) : args[own].value;
}

// The handle for `out`, or where the tensor is an argument's own -1 minus its position.
napi_value handle_result(napi_env env, const Call& request, at::Tensor tensor) {
  if (!tensor.defined()) return Napi::Env(env).Null();
  napi_value number = nullptr;
  if (const auto own = own_argument(request.args, tensor); own != kNone) {
    napi_create_int32(env, -1 - static_cast<int32_t>(own), &number);
  } else {
    napi_create_uint32(env, attach_tensor(env, *request.data, request.out, std::move(tensor)), &number);
  }
  return number;
}

napi_value result(napi_env env, const Call& request, const Overload& overload, Stack& stack) {
  const auto& args = request.args;
  auto& data = *request.data;
  if (request.op->returns_tensor) return handle_result(env, request, std::move(stack[0]).toTensor());
  // undefined would say that the overload did not fit
  if (stack.empty()) return Napi::Env(env).Null();
  if (stack.size() == 1) {
    napi_value value =
        stack[0].isTensor() ? tensor_result(env, args, std::move(stack[0]).toTensor()) : from_ivalue(env, stack[0]);
    account(env, data);
    return value;
  }
  const auto& returns = overload.handle.schema().returns();
  auto array = Napi::Array::New(env, stack.size());
  for (size_t i = 0; i < stack.size(); ++i) {
    const Napi::Value value = stack[i].isTensor() ? Napi::Value(env, tensor_result(env, args, stack[i].toTensor()))
                                                  : from_ivalue(env, stack[i]);
    array.Set(static_cast<uint32_t>(i), value);
    if (!returns[i].name().empty()) array.Set(camel(returns[i].name()), value);
  }
  return array;
}

bool is_out_of_memory() {
  try {
    throw;
  } catch (...) {
    const auto caught = describe_current_exception();
    return caught.code == "ERR_OUT_OF_MEMORY" || caught.message.find("can't allocate memory") != std::string::npos;
  }
}

// Stack vectors are kept: an allocation for each call costs more than the dispatch.
struct Borrowed {
  Borrowed() {
    auto& kept = pool();
    if (kept.empty()) return;
    stack = std::move(kept.back());
    kept.pop_back();
  }
  ~Borrowed() {
    stack.clear();
    if (pool().size() < 8) pool().push_back(std::move(stack));
  }
  static std::vector<Stack>& pool() {
    thread_local std::vector<Stack> stacks;
    return stacks;
  }
  Stack stack;
};

// (out, handles, ...args): bit i of `handles` says that argument i is a handle. overload() has its index before the
// args.
void read_arguments(napi_env env, napi_callback_info info, bool with_index, Call& call) {
  // Room for most calls first: Node-API fills what is not used.
  constexpr size_t kUsual = 8;
  napi_value values[kMaxArgs + 3];
  size_t count = kUsual;
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, values, nullptr, &data);
  if (count > kUsual) {
    count = kMaxArgs + 3;
    napi_get_cb_info(env, info, &count, values, nullptr, &data);
  }
  const auto& target = *static_cast<const Target*>(data);
  call.op = target.op;
  call.data = target.data;
  const size_t skip = with_index ? 3 : 2;
  if (count > kMaxArgs + skip) fail_argument(base_name(*call.op) + "(): too many arguments");
  if (count < skip) fail_argument(base_name(*call.op) + "(): arguments are missing");
  call.out = values[0];
  uint32_t handles = 0;
  napi_get_value_uint32(env, values[1], &handles);
  if (with_index) {
    uint32_t index = 0;
    napi_get_value_uint32(env, values[2], &index);
    call.index = index;
  }
  for (size_t i = skip; i < count; ++i, handles >>= 1)
    call.args.push(handles & 1 ? look_at_handle(env, *call.data, values[i]) : look_at(env, values[i]));
  // f(x, undefined) is f(x).
  while (!with_index && call.args.count > 0 && call.args[call.args.count - 1].kind == Kind::Undefined)
    --call.args.count;
}

// When memory runs out, tensors that nobody can reach any more may still hold it: collect garbage, and try once more.
template <class Try>
auto with_second_try(const Call& request, Try attempt) {
  try {
    return attempt();
  } catch (const c10::Error&) {
    if (!is_out_of_memory()) throw;
  }
  request.data->collect_garbage.Call({Napi::Boolean::New(request.data->collect_garbage.Env(), false)});
  return attempt();
}

napi_value run(napi_env env, const Call& request, const Overload& overload, bool by_position, bool lenient,
               Stack& stack) {
  bool ready = true;
  with_second_try(request, [&] {
    if (!ready) fill(env, *request.op, overload, request.args, by_position, lenient, stack);
    ready = false;
    overload.handle.callBoxed(stack);
  });
  return result(env, request, overload, stack);
}

napi_value positional(napi_env env, napi_callback_info info) {
  return guard(env, [&]() -> napi_value {
    Call request;
    read_arguments(env, info, false, request);
    Borrowed borrowed;
    auto& stack = borrowed.stack;
    for (const bool lenient : {false, true}) {
      for (const auto& overload : request.op->overloads) {
        if (overload.typed && !lenient && request.op->returns_tensor) {
          auto tensor = with_second_try(
              request, [&] { return (*overload.typed)(overload, request.args.begin(), request.args.count); });
          if (tensor) return handle_result(env, request, std::move(*tensor));
        }
        if (fill(env, *request.op, overload, request.args, true, lenient, stack) != kNone) continue;
        return run(env, request, overload, true, lenient, stack);
      }
    }
    no_match(env, *request.op, request.args, true);
  });
}

napi_value one_overload(napi_env env, napi_callback_info info) {
  return guard(env, [&]() -> napi_value {
    Call request;
    read_arguments(env, info, true, request);
    if (request.index >= request.op->overloads.size()) fail_argument("no overload of that number");
    const auto& overload = request.op->overloads[request.index];
    Borrowed borrowed;
    auto& stack = borrowed.stack;
    for (const bool lenient : {false, true}) {
      if (fill(env, *request.op, overload, request.args, false, lenient, stack) != kNone) continue;
      return run(env, request, overload, false, lenient, stack);
    }
    if (request.op->overloads.size() == 1) no_match(env, *request.op, request.args, false);
    return Napi::Env(env).Undefined();
  });
}

}  // namespace

Napi::Value make_operator_functions(Napi::Env env, const Operator& op) {
  auto functions = Napi::Object::New(env);
  auto* target = new Target{&op, &EnvData::of(env)};
  napi_value function = nullptr;
  napi_create_function(env, op.name.c_str(), NAPI_AUTO_LENGTH, positional, target, &function);
  functions.Set("positional", Napi::Value(env, function));
  napi_create_function(env, op.name.c_str(), NAPI_AUTO_LENGTH, one_overload, target, &function);
  functions.Set("overload", Napi::Value(env, function));
  // An environment that ends takes its functions with it.
  napi_add_env_cleanup_hook(env, [](void* data) { delete static_cast<Target*>(data); }, target);
  functions.Set("returnsTensor", op.returns_tensor);
  return functions;
}

}  // namespace libtorch_node
