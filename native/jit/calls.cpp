// Methods of modules: their calls on this thread and off it, and their program as text.
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/serialization/python_print.h>

#include <utility>
#include <vector>

#include "core/async.h"
#include "core/convert.h"
#include "core/error.h"
#include "core/function.h"
#include "core/memory.h"
#include "jit/script.h"

namespace libtorch_node::scripts {

namespace {

using Info = Napi::CallbackInfo;
using c10::IValue;

jit::Method method_of(const Script& script, const std::string& name) {
  auto method = script.module.find_method(name);
  if (!method) fail_argument("Method '" + name + "' is not defined.");
  return *method;
}

IValue argument(const c10::FunctionSchema& schema, size_t position, const Napi::Value& value) {
  const auto& declared = schema.arguments()[position];
  try {
    return to_value(value, declared.type());
  } catch (const Mismatch& e) {
    std::optional<std::string> text;
    // what lib/jit/values.ts wrapped has no text of its own
    if (!value.IsObject()) text = value.ToString().Utf8Value();
    fail_argument(schema.formatTypeMismatchMsg(declared, python_type(value), position, text) +
                  "\nCast error details: " + e.reason);
  }
}

/** What a call is given, in the order of its schema. `names` are those of the last arguments, which came by name. */
std::vector<IValue> arguments(const c10::FunctionSchema& schema, const Napi::Array& values, const Napi::Array& names) {
  const size_t positional = values.Length() - names.Length();
  // the module itself comes first
  const auto& declared = schema.arguments();
  if (positional + 1 > declared.size()) {
    fail_argument(c10::str(schema.name(), "() expected at most ", declared.size(), " argument(s) but received ",
                           values.Length() + 1, " argument(s). Declaration: ", schema));
  }
  std::vector<IValue> stack;
  for (size_t i = 0; i < positional; ++i)
    stack.push_back(argument(schema, i + 1, values.Get(static_cast<uint32_t>(i))));
  size_t used = 0;
  for (size_t i = positional + 1; i < declared.size(); ++i) {
    uint32_t at = 0;
    while (at < names.Length() && names.Get(at).As<Napi::String>().Utf8Value() != declared[i].name()) ++at;
    if (at < names.Length()) {
      stack.push_back(argument(schema, i, values.Get(static_cast<uint32_t>(positional + at))));
      ++used;
    } else if (declared[i].default_value()) {
      stack.push_back(*declared[i].default_value());
    } else {
      fail_argument(c10::str(schema.name(), "() is missing value for argument '", declared[i].name(),
                             "'. Declaration: ", schema));
    }
  }
  if (used < names.Length()) {
    for (uint32_t i = 0; i < names.Length(); ++i) {
      const auto name = names.Get(i).As<Napi::String>().Utf8Value();
      const auto index = schema.argumentIndexWithName(name);
      if (!index)
        fail_argument(
            c10::str("Unknown keyword argument '", name, "' for operator '", schema.name(), "'. Schema: ", schema));
      if (*index <= static_cast<int>(positional))
        fail_argument(c10::str(schema.name(), "() got multiple values for argument '", name, "'"));
    }
  }
  return stack;
}

/** `forward` as Python's `module(...)`: with the hooks that the program has of its own. */
IValue call_hooked(const jit::Module& module, const jit::Method& method, std::vector<IValue> stack, size_t positional) {
  const auto& type = module.type();
  const auto before = type->getForwardPreHooks(), after = type->getForwardHooks();
  if (before.empty() && after.empty()) return method(std::move(stack));
  const auto tuple = [&] {
    return c10::ivalue::Tuple::create(std::vector<IValue>(stack.begin(), stack.begin() + positional));
  };
  for (auto* hook : before) {
    const auto changed = (*hook)({module._ivalue(), tuple()});
    if (changed.isNone()) continue;
    const auto items = changed.isTuple() ? changed.toTupleRef().elements().vec() : std::vector<IValue>{changed};
    stack.erase(stack.begin(), stack.begin() + positional);
    stack.insert(stack.begin(), items.begin(), items.end());
    positional = items.size();
  }
  auto result = method(stack);
  for (auto* hook : after) {
    auto changed = (*hook)({module._ivalue(), tuple(), result});
    if (!changed.isNone()) result = std::move(changed);
  }
  return result;
}

/** Whether the nodes may write to what is no tensor: to a slot of an object, or to a list or dictionary. */
bool writes(const jit::Block* block) {
  for (const auto* node : block->nodes()) {
    // what is still a call is one of a method that only the value knows
    if (node->kind() == c10::prim::SetAttr || node->kind() == c10::prim::CallMethod) return true;
    if (const auto* schema = node->maybeSchema()) {
      for (const auto& declared : schema->arguments()) {
        const auto* alias = declared.alias_info();
        if (alias != nullptr && alias->isWrite() && !declared.type()->isSubtypeOf(*c10::TensorType::get())) return true;
      }
    }
    for (const auto* inner : node->blocks()) {
      if (writes(inner)) return true;
    }
  }
  return false;
}

bool writes(Gate& gate, const jit::Function& function) {
  const auto known = gate.writing.find(&function);
  if (known != gate.writing.end()) return known->second;
  auto graph = jit::toGraphFunction(function).graph()->copy();
  jit::Inline(*graph);
  return gate.writing[&function] = writes(graph->block());
}

/** The same of a method with its hooks. */
bool writes(const Script& script, const jit::Method& method) {
  bool any = writes(*script.gate, method.function());
  if (method.name() == "forward") {
    for (const auto* hook : script.module.type()->getForwardPreHooks()) any |= writes(*script.gate, *hook);
    for (const auto* hook : script.module.type()->getForwardHooks()) any |= writes(*script.gate, *hook);
  }
  return any;
}

/** A call whose arguments are read: touches no JavaScript. */
struct Call {
  Script script;
  jit::Method method;
  std::vector<IValue> stack;
  size_t positional;
  bool alone;
  IValue result = {};

  void run() {
    std::unique_lock<std::shared_mutex> one(script.gate->mutex, std::defer_lock);
    std::shared_lock<std::shared_mutex> many(script.gate->mutex, std::defer_lock);
    if (alone)
      one.lock();
    else
      many.lock();
    // moved: an argument may be large, and is free when the program lets go of it
    result = method.name() == "forward" ? call_hooked(script.module, method, std::move(stack), positional)
                                        : method(std::move(stack));
  }
};

std::shared_ptr<Call> read_call(const Info& info) {
  auto& script = script_of(info[0]);
  auto method = method_of(script, to_string(info[1], "method"));
  const auto values = info[2].As<Napi::Array>(), names = info[3].As<Napi::Array>();
  auto stack = arguments(method.function().getSchema(), values, names);
  const bool alone = writes(script, method);
  return std::make_shared<Call>(Call{script, method, std::move(stack), values.Length() - names.Length(), alone});
}

Napi::Value call(const Info& info) {
  const auto call = read_call(info);
  call->run();
  return from_value(info.Env(), call->result, call->script.gate);
}

Napi::Value call_async(const Info& info) {
  const auto call = read_call(info);
  return run_async(
      info.Env(), [call] { call->run(); },
      [call](Napi::Env env) {
        auto value = from_value(env, call->result, call->script.gate);
        call->result = {};
        return value;
      });
}

/** code, graph, inlined graph, as Python shows them */
Napi::Value text(const Info& info) {
  const auto& script = script_of(info[0]);
  const auto method = method_of(script, to_string(info[1], "method"));
  const auto what = to_string(info[2], "what");
  std::string result;
  if (what == "code") {
    std::vector<IValue> constants;
    jit::PrintDepsTable dependencies;
    jit::PythonPrint printer(constants, dependencies);
    printer.printMethod(method.function());
    result = printer.str();
  } else if (what == "graph") {
    result = method.graph()->toString();
  } else {
    auto graph = method.graph()->copy();
    jit::Inline(*graph);
    result = graph->toString();
  }
  return Napi::String::New(info.Env(), result);
}

/** Names and types of a method's arguments, without the module itself. */
Napi::Value method_arguments(const Info& info) {
  const auto method = method_of(script_of(info[0]), to_string(info[1], "method"));
  auto result = Napi::Array::New(info.Env());
  const auto& declared = method.function().getSchema().arguments();
  for (size_t i = 1; i < declared.size(); ++i) {
    auto type = declared[i].type();
    if (const auto optional = type->cast<c10::OptionalType>()) type = optional->getElementType();
    auto object = Napi::Object::New(info.Env());
    object.Set("name", declared[i].name());
    const bool named_tuple = type->kind() == c10::TypeKind::TupleType && type->expectRef<c10::TupleType>().schema();
    object.Set("takesDict", type->kind() == c10::TypeKind::DictType || type->kind() == c10::TypeKind::AnyType ||
                                type->kind() == c10::TypeKind::UnionType || named_tuple);
    result.Set(static_cast<uint32_t>(i - 1), object);
  }
  return result;
}

}  // namespace

void init_calls(Napi::Object exports) {
  export_function<call>(exports, "scriptCall");
  export_function<call_async>(exports, "scriptCallAsync");
  export_function<text>(exports, "scriptText");
  export_function<method_arguments>(exports, "scriptArguments");
}

}  // namespace libtorch_node::scripts
