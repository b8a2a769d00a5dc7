// The bindings of the layers: everything here works on rows, none is known by name.
#include "nn/module.h"

#include <ATen/Context.h>

#include "core/dtype.h"
#include "core/error.h"
#include "core/function.h"
#include "core/handle.h"
#include "nn/factory.h"

namespace libtorch_node {

namespace layers {

namespace {

using Info = Napi::CallbackInfo;

/** A live layer; its JavaScript object owns a share of it. */
struct Layer {
  const Row* row;
  std::shared_ptr<nn::Module> module;

  void* options() const { return row->options(*module); }
};

/** Layers of which each takes what the one before it gives. */
struct Chain {
  std::vector<std::shared_ptr<Layer>> layers;
};

template <class T>
void attach(const Napi::Value& target, std::shared_ptr<T> object) {
  auto* handle = new Handle{.release = &release_shared<T>, .object = new std::shared_ptr<T>(std::move(object))};
  attach_handle(target.Env(), target, handle);
}

Layer& layer_of(const Napi::Value& value) { return *unwrap<Layer>(value, "layer"); }

/** The name as JavaScript spells it, for messages; the rule is that of lib/tensor/names.ts. */
std::string camel_case(const std::string& name) {
  std::string result;
  for (size_t i = 0; i < name.size(); ++i) {
    const bool glue = name[i] == '_' && i > 0 && i + 1 < name.size() && name[i + 1] != '_';
    if (!glue)
      result += name[i];
    else
      result += static_cast<char>(std::toupper(static_cast<unsigned char>(name[++i])));
  }
  return result;
}

std::string where_of(const Row& row, const Argument& argument) {
  return row.name + ": expected " + camel_case(argument.name);
}

const Argument* find_argument(const Row& row, const std::string& name) {
  for (const auto& argument : row.arguments) {
    if (argument.name == name) return &argument;
  }
  return nullptr;
}

const Slot* find_slot(const Row& row, const std::string& name) {
  for (const auto& slot : row.tensors) {
    if (slot.name == name) return &slot;
  }
  return nullptr;
}

const Argument& option_of(const Layer& layer, const std::string& name) {
  const auto* argument = find_argument(*layer.row, name);
  if (argument == nullptr || !argument->get) fail_argument(layer.row->name + " has no option " + name);
  return *argument;
}

const Slot& slot_of(const Layer& layer, const std::string& name) {
  const auto* slot = find_slot(*layer.row, name);
  if (slot == nullptr) fail_argument(layer.row->name + " has no tensor " + name);
  return *slot;
}

// ---- construction

Napi::Value new_layer(const Info& info) {
  const auto name = to_string(info[1], "name");
  const auto* row = Registered<Row>::find(name);
  if (row == nullptr) fail_argument("there is no layer " + name);
  const auto values = info[2].As<Napi::Array>();
  auto options = row->seed();
  Factory factory;
  for (uint32_t i = 0; i < row->arguments.size(); ++i) {
    const auto& argument = row->arguments[i];
    const Napi::Value value = values.Get(i);
    if (value.IsUndefined()) {
      if (argument.required) fail_argument(row->name + ": " + camel_case(argument.name) + " is required");
      continue;
    }
    if (argument.set) {
      argument.set(options.get(), value, where_of(*row, argument));
    } else if (!value.IsNull() && argument.name == "device") {
      factory.device = parse_device(to_string(value, (row->name + ": device").c_str()));
    } else if (!value.IsNull() && argument.name == "dtype") {
      factory.dtype = parse_dtype(to_string(value, (row->name + ": dtype").c_str()));
    }
  }
  if (row->prepare) {
    row->prepare(options.get(), [&](const std::string& wanted) -> Napi::Value {
      for (uint32_t i = 0; i < row->arguments.size(); ++i) {
        if (row->arguments[i].name == wanted) return values.Get(i);
      }
      return info.Env().Undefined();
    });
  }
  auto layer = std::make_shared<Layer>(Layer{row, nullptr});
  with_factory(factory, [&] { layer->module = row->make(options.get()); });
  attach(info[0], std::move(layer));
  return info[0];
}

/** The dictionary of parameters, by which Module's own functions find them. */
struct Dictionary : nn::Module {
  static auto parameters() { return &Dictionary::parameters_; }
};

std::shared_ptr<nn::Module> copy_of(const Row& row, const nn::Module& module) {
  if (row.copy && module.children().empty()) {
    auto copy = row.copy(module);
    // It would keep the original's alive; nothing here looks them up by it.
    ((*copy).*Dictionary::parameters()).clear();
    return copy;
  }
  // LibTorch's clone makes each tensor anew, and draws random numbers for it before it copies.
  auto generator = at::globalContext().defaultGenerator(at::kCPU);
  const auto state = generator.get_state();
  auto copy = module.clone();
  generator.set_state(state);
  return copy;
}

Napi::Value copy_layer(const Info& info) {
  const auto& layer = layer_of(info[1]);
  attach(info[0], std::make_shared<Layer>(Layer{layer.row, copy_of(*layer.row, *layer.module)}));
  return info[0];
}

// ---- options and tensors of a live layer

Napi::Value layer_option(const Info& info) {
  const auto& layer = layer_of(info[0]);
  return option_of(layer, to_string(info[1], "name")).get(info.Env(), layer.options());
}

Napi::Value set_layer_option(const Info& info) {
  const auto& layer = layer_of(info[0]);
  const auto& argument = option_of(layer, to_string(info[1], "name"));
  argument.set(layer.options(), info[2], where_of(*layer.row, argument));
  return info.Env().Undefined();
}

Napi::Value layer_repr(const Info& info) {
  const auto& layer = layer_of(info[0]);
  const Words words{[&](const std::string& name) -> std::string {
    if (const auto* slot = find_slot(*layer.row, name)) return slot->get(*layer.module).defined() ? "True" : "False";
    return option_of(layer, name).python(layer.options());
  }};
  return Napi::String::New(info.Env(), layer.row->repr(words));
}

Napi::Value layer_tensor(const Info& info) {
  const auto& layer = layer_of(info[1]);
  const auto& tensor = slot_of(layer, to_string(info[2], "name")).get(*layer.module);
  if (!tensor.defined()) return info.Env().Null();
  return Napi::Value(info.Env(), wrap_tensor(info.Env(), info[0], tensor));
}

Napi::Value set_layer_tensor(const Info& info) {
  const auto& layer = layer_of(info[0]);
  slot_of(layer, to_string(info[1], "name")).get(*layer.module) = unwrap_optional_tensor(info[2], "tensor");
  return info.Env().Undefined();
}

Napi::Value set_layer_training(const Info& info) {
  layer_of(info[0]).module->train(to_bool(info[1], "training"));
  return info.Env().Undefined();
}

// ---- forward

bool is_optional(const std::string& input) { return input.back() == '?'; }

at::Tensor input_of(const Row& row, const Napi::Value& value, size_t i) {
  if (is_optional(row.inputs[i]) && (value.IsUndefined() || value.IsNull())) return {};
  auto* impl = tensor_impl(value.Env(), value);
  if (impl == nullptr) {
    fail_argument(row.name + ".forward: expected " + camel_case(row.inputs[i].substr(0, row.inputs[i].find('?'))) +
                  " to be a Tensor, received " + kind_name(value));
  }
  return borrow(impl);
}

/** The result in `out`; where it is one of the inputs themselves (in place, or nothing to do) that object, as in
 * Python. */
Napi::Value give(const Info& info, c10::IValue result, Inputs inputs, size_t first_input) {
  if (!result.isTensor() || !info[0].IsObject()) return from_ivalue(info.Env(), result);
  auto tensor = std::move(result).toTensor();
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].is_same(tensor)) return info[first_input + i];
  }
  return Napi::Value(info.Env(), wrap_tensor(info.Env(), info[0], std::move(tensor)));
}

Napi::Value layer_forward(const Info& info) {
  const auto& layer = layer_of(info[1]);
  const auto& row = *layer.row;
  const size_t count = row.inputs.size();
  c10::SmallVector<at::Tensor, 4> inputs;
  for (size_t i = 0; i < count; ++i) inputs.push_back(input_of(row, info[i + 2], i));
  return give(info, row.forward(*layer.module, inputs), inputs, 2);
}

Napi::Value new_chain(const Info& info) {
  const auto list = info[1].As<Napi::Array>();
  auto chain = std::make_shared<Chain>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    chain->layers.push_back(unwrap<Layer>(list.Get(i), "layer"));
    const auto& inputs = chain->layers.back()->row->inputs;
    if (!std::all_of(inputs.begin() + 1, inputs.end(), is_optional))
      fail_argument(chain->layers.back()->row->name + " takes more than one input");
  }
  attach(info[0], std::move(chain));
  return info[0];
}

Napi::Value chain_forward(const Info& info) {
  const auto& chain = *unwrap<Chain>(info[1], "chain of layers");
  if (chain.layers.empty()) return info[2];
  const auto input = input_of(*chain.layers.front()->row, info[2], 0);
  c10::IValue value = input;
  for (const auto& layer : chain.layers) {
    if (!value.isTensor()) fail_argument(layer->row->name + ".forward: expected a Tensor from the layer before it");
    // What the layer before it made is let go as soon as this one is done with it.
    c10::SmallVector<at::Tensor, 4> inputs(layer->row->inputs.size());
    inputs[0] = std::move(value).toTensor();
    value = layer->row->forward(*layer->module, inputs);
  }
  return give(info, std::move(value), input, 2);
}

// ---- the list of rows

Napi::Object describe_argument(Napi::Env env, const Row& row, const Argument& argument, const void* seed) {
  auto object = Napi::Object::New(env);
  object.Set("name", argument.name);
  object.Set("accepts", argument.accepts);
  object.Set("gives", argument.gives);
  object.Set("doc", argument.doc);
  object.Set("required", argument.required);
  object.Set("keywordOnly", argument.keyword_only);
  object.Set("option", Napi::Boolean::New(env, argument.get && find_slot(row, argument.name) == nullptr));
  if (!argument.required) object.Set("default", argument.get ? argument.get(env, seed) : env.Null());
  return object;
}

Napi::Object describe_slot(Napi::Env env, const Row& row, const Slot& slot) {
  auto object = Napi::Object::New(env);
  object.Set("name", slot.name);
  object.Set("kind", slot.kind == Kind::kParameter ? "parameter" : "buffer");
  object.Set("since", slot.since);
  // A tensor that the constructor takes is there only when it was given.
  const auto* argument = find_argument(row, slot.name);
  object.Set("given", Napi::Boolean::New(env, argument != nullptr && argument->accepts == Form<at::Tensor>::accepts()));
  return object;
}

template <class List, class Describe>
Napi::Array map(Napi::Env env, const List& list, Describe describe) {
  auto array = Napi::Array::New(env, list.size());
  for (size_t i = 0; i < list.size(); ++i) array.Set(static_cast<uint32_t>(i), describe(list[i]));
  return array;
}

Napi::Value all_layers(const Info& info) {
  const auto env = info.Env();
  return map(env, Registered<Row>::all(), [&](const Row& row) {
    const auto seed = row.seed();
    auto object = Napi::Object::New(env);
    object.Set("name", row.name);
    object.Set("doc", row.doc);
    object.Set("version", row.version);
    object.Set("arguments",
               map(env, row.arguments, [&](const Argument& a) { return describe_argument(env, row, a, seed.get()); }));
    object.Set("tensors", map(env, row.tensors, [&](const Slot& s) { return describe_slot(env, row, s); }));
    object.Set("output", row.output);
    object.Set("inputs", map(env, row.inputs, [&](const std::string& input) { return Napi::String::New(env, input); }));
    return object;
  });
}

}  // namespace

std::string Words::format(const std::string& pattern) const {
  std::string result;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '{') {
      result += pattern[i];
      continue;
    }
    const auto end = pattern.find('}', i);
    result += word(pattern.substr(i + 1, end - i - 1));
    i = end;
  }
  return result;
}

std::string Words::unless(const std::string& usual, const std::string& name) const {
  const auto value = word(name);
  return value == usual ? "" : ", " + name + "=" + value;
}

Argument device_argument() {
  return {.name = "device",
          .doc = "where the tensors are made (default: the CPU)",
          .accepts = "Device | null",
          .gives = "",
          .set = {},
          .get = {},
          .python = {}};
}
Argument dtype_argument() {
  return {.name = "dtype",
          .doc = "of the tensors (default: the default dtype)",
          .accepts = "Dtype | null",
          .gives = "",
          .set = {},
          .get = {},
          .python = {}};
}
Argument constructor_only(std::string name, std::string accepts, std::string description) {
  return {.name = std::move(name),
          .doc = std::move(description),
          .accepts = std::move(accepts),
          .gives = "",
          .set = {},
          .get = {},
          .python = {}};
}

}  // namespace layers

void init_nn(Napi::Env, Napi::Object exports) {
  using namespace layers;
  export_function<all_layers>(exports, "layers");
  export_function<new_layer>(exports, "newLayer");
  export_function<copy_layer>(exports, "copyLayer");
  export_function<layer_option>(exports, "layerOption");
  export_function<set_layer_option>(exports, "setLayerOption");
  export_function<layer_repr>(exports, "layerRepr");
  export_function<layer_tensor>(exports, "layerTensor");
  export_function<set_layer_tensor>(exports, "setLayerTensor");
  export_function<set_layer_training>(exports, "setLayerTraining");
  export_function<layer_forward>(exports, "layerForward");
  export_function<new_chain>(exports, "newChain");
  export_function<chain_forward>(exports, "chainForward");
}

}  // namespace libtorch_node
