#pragma once
#include <napi.h>
#include <torch/csrc/jit/api/module.h>

#include <memory>
#include <shared_mutex>
#include <string>
#include <unordered_map>

/**
 * TorchScript modules. LibTorch keeps the values of a module in slots without a lock, and its interpreter reads them,
 * and writes some, on the thread of the call. So calls and accesses to the modules of one file go through a gate.
 */
namespace libtorch_node::scripts {

namespace jit = torch::jit;

/** Of one loaded file. Calls that write to more than the data of tensors pass it alone, all others together. */
struct Gate {
  std::shared_mutex mutex;
  /** which methods write, by their function; only for the JavaScript thread */
  std::unordered_map<const jit::Function*, bool> writing;
};

struct Script {
  jit::Module module;
  std::shared_ptr<Gate> gate;
};

/** An object of a class of the program that is no module; JavaScript can only hand it back. */
struct Opaque {
  c10::IValue value;
};

/** The value does not have the type; says why, as the end of a sentence. */
struct Mismatch {
  std::string reason;
};

/** A value of JavaScript, in the form that lib/jit/values.ts gives it, as one of `type`. Throws Mismatch. */
c10::IValue to_value(const Napi::Value& value, const c10::TypePtr& type);

/** The reverse. Modules among the values belong to `gate`. */
Napi::Value from_value(Napi::Env env, const c10::IValue& value, const std::shared_ptr<Gate>& gate);

/** Python's name for the type of a value of JavaScript. */
std::string python_type(const Napi::Value& value);

/** A new handle that owns a share of the module. */
Napi::Value script_handle(Napi::Env env, Script script);
Script& script_of(const Napi::Value& value);

void init_calls(Napi::Object exports);
void init_members(Napi::Object exports);

}  // namespace libtorch_node::scripts
