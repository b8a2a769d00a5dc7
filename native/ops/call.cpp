// Calls an operator from JavaScript: the one path that every operator takes.
#include "ops/call.h"

#include <algorithm>
#include <array>

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

struct Args {
  std::array<Arg, kMaxArgs> items;
  size_t count = 0;
};

const Arg kMissing{};

// view(2, 3): all numbers from the first list argument on belong to that list.
bool convert_variadic(const Overload& overload, const Args& args, Stack& stack) {
  const size_t first = overload.positional - 1;
  if (args.count < first + 1) return false;
  c10::List<int64_t> list;
  for (size_t i = first; i < args.count; ++i) {
    if (args.items[i].kind != Kind::Int) return false;
    list.push_back(static_cast<int64_t>(args.items[i].number));
  }
  stack.emplace_back(std::move(list));
  return true;
}

// Fills the stack for one overload; returns kNone when all fits, else the position of the argument that does not.
size_t fill(napi_env env, const Operator& op, const Overload& overload, const Args& args, bool by_position, bool lenient,
            Stack& stack) {
  stack.clear();
  const bool numbers = lenient && takes_numbers_as_tensors(op.name);
  const size_t most = by_position ? overload.positional : overload.args.size();
  size_t from = 0;
  bool variadic = false;
  if (by_position && overload.variadic && args.count >= overload.positional) {
    variadic = args.items[overload.positional - 1].kind == Kind::Int;
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
    const Arg& arg = given ? args.items[from] : kMissing;
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
    const bool missing = furthest >= args.count || args.items[furthest].kind <= Kind::Undefined;
    if (argument.name() == "self" && furthest == 0) {
      message += "the receiver must be a Tensor, but it is " + (missing ? "missing" : describe(env, args.items[0]));
    } else {
      message += "argument '" + argument.name() + "' must be " + type_text(argument) +
                 (missing ? ", but it is missing" : ", received " + describe(env, args.items[furthest]));
    }
  } else {
    message += "no signature takes (";
    for (size_t i = 0; i < args.count; ++i) message += (i > 0 ? ", " : "") + describe(env, args.items[i]);
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

// A tensor that the operator was given and returns (in place, or with nothing to do) is the caller's own object, as in Python.
napi_value tensor_result(napi_env env, napi_value out, const Args& args, at::Tensor tensor) {
  const auto* impl = tensor.unsafeGetTensorImpl();
  for (size_t i = 0; i < args.count; ++i) {
    if (args.items[i].tensor == impl) return args.items[i].value;
  }
  napi_valuetype type = napi_undefined;
  if (out != nullptr) napi_typeof(env, out, &type);
  if (type == napi_object && tensor.defined()) return wrap_tensor(env, out, std::move(tensor));
  return new_tensor(env, std::move(tensor));
}

napi_value result(napi_env env, napi_value out, const Overload& overload, const Args& args, Stack& stack) {
  const auto& returns = overload.handle.schema().returns();
  if (stack.size() == 1 && stack[0].isTensor()) return tensor_result(env, out, args, std::move(stack[0]).toTensor());
  // undefined would say that the overload did not fit
  if (stack.empty()) return Napi::Env(env).Null();
  if (stack.size() == 1) {
    napi_value value = from_ivalue(env, stack[0]);
    account(env);
    return value;
  }
  auto array = Napi::Array::New(env, stack.size());
  for (size_t i = 0; i < stack.size(); ++i) {
    const Napi::Value value = stack[i].isTensor()
                                  ? Napi::Value(env, tensor_result(env, nullptr, args, stack[i].toTensor()))
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

void call(napi_env env, const Overload& overload, Stack& stack) {
  Stack again(stack);
  try {
    overload.handle.callBoxed(stack);
  } catch (const c10::Error&) {
    if (!is_out_of_memory()) throw;
    // Tensors that nobody can reach any more may still hold the memory: collect, and try once more.
    EnvData::of(env).collect_garbage.Call({});
    stack = std::move(again);
    overload.handle.callBoxed(stack);
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

struct Call {
  const Operator* op;
  napi_value out;
  Args args;
  /** of overload(): which one */
  size_t index = 0;
};

void read_arguments(napi_env env, napi_callback_info info, size_t skip, Call& call) {
  napi_value values[kMaxArgs + 2];
  size_t count = kMaxArgs + 2;
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, values, nullptr, &data);
  call.op = static_cast<const Operator*>(data);
  if (count > kMaxArgs + skip) fail_argument(base_name(*call.op) + "(): too many arguments");
  call.out = count > 0 ? values[0] : nullptr;
  if (skip == 2 && count > 1) {
    uint32_t index = 0;
    napi_get_value_uint32(env, values[1], &index);
    call.index = index;
  }
  call.args.count = count > skip ? count - skip : 0;
  for (size_t i = 0; i < call.args.count; ++i) call.args.items[i] = look_at(env, values[i + skip]);
  // f(x, undefined) is f(x).
  while (skip == 1 && call.args.count > 0 && call.args.items[call.args.count - 1].kind == Kind::Undefined) --call.args.count;
}

napi_value positional(napi_env env, napi_callback_info info) {
  return guard(env, [&]() -> napi_value {
    Call request;
    read_arguments(env, info, 1, request);
    Borrowed borrowed;
    auto& stack = borrowed.stack;
    for (const bool lenient : {false, true}) {
      for (const auto& overload : request.op->overloads) {
        if (fill(env, *request.op, overload, request.args, true, lenient, stack) != kNone) continue;
        call(env, overload, stack);
        return result(env, request.out, overload, request.args, stack);
      }
    }
    no_match(env, *request.op, request.args, true);
  });
}

napi_value one_overload(napi_env env, napi_callback_info info) {
  return guard(env, [&]() -> napi_value {
    Call request;
    read_arguments(env, info, 2, request);
    if (request.index >= request.op->overloads.size()) fail_argument("no overload of that number");
    const auto& overload = request.op->overloads[request.index];
    Borrowed borrowed;
    auto& stack = borrowed.stack;
    for (const bool lenient : {false, true}) {
      if (fill(env, *request.op, overload, request.args, false, lenient, stack) != kNone) continue;
      call(env, overload, stack);
      return result(env, request.out, overload, request.args, stack);
    }
    if (request.op->overloads.size() == 1) no_match(env, *request.op, request.args, false);
    return Napi::Env(env).Undefined();
  });
}

}  // namespace

Napi::Value make_operator_functions(Napi::Env env, const Operator& op) {
  auto functions = Napi::Object::New(env);
  auto* data = const_cast<Operator*>(&op);  // read only; operators live as long as the process
  napi_value function = nullptr;
  napi_create_function(env, op.name.c_str(), NAPI_AUTO_LENGTH, positional, data, &function);
  functions.Set("positional", Napi::Value(env, function));
  napi_create_function(env, op.name.c_str(), NAPI_AUTO_LENGTH, one_overload, data, &function);
  functions.Set("overload", Napi::Value(env, function));
  functions.Set("returnsTensor", op.returns_tensor);
  return functions;
}

}  // namespace libtorch_node
