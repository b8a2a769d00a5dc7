// Modules from files and back into them, and what they hold.
#include <ATen/core/jit_type.h>
#include <caffe2/serialize/file_adapter.h>
#include <torch/csrc/jit/serialization/export.h>
#include <torch/csrc/jit/serialization/import.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/convert.h"
#include "core/dtype.h"
#include "core/error.h"
#include "core/function.h"
#include "core/handle.h"
#include "core/tensor.h"
#include "jit/script.h"

namespace libtorch_node {

namespace scripts {

namespace {

using Info = Napi::CallbackInfo;
using c10::IValue;

/** Bytes that JavaScript holds during the call. */
class Bytes final : public caffe2::serialize::ReadAdapterInterface {
 public:
  Bytes(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  size_t size() const override { return size_; }
  size_t read(uint64_t position, void* buffer, size_t n, const char*) const override {
    if (position >= size_) return 0;
    const auto count = std::min<uint64_t>(n, size_ - position);
    std::memcpy(buffer, data_ + position, count);
    return count;
  }

 private:
  const uint8_t* data_;
  size_t size_;
};

std::shared_ptr<caffe2::serialize::ReadAdapterInterface> adapter(const Napi::Value& source) {
  if (source.IsString()) {
    return std::make_shared<caffe2::serialize::FileAdapter>(source.As<Napi::String>().Utf8Value());
  }
  const auto bytes = source.As<Napi::Uint8Array>();
  return std::make_shared<Bytes>(bytes.Data(), bytes.ByteLength());
}

/** scriptLoad(source, device | null, names of extra files) */
Napi::Value load(const Info& info) {
  jit::ExtraFilesMap extra;
  const auto names = info[2].As<Napi::Array>();
  for (uint32_t i = 0; i < names.Length(); ++i) extra[names.Get(i).As<Napi::String>()] = "";
  std::optional<at::Device> device;
  if (!info[1].IsNull()) device = parse_device(to_string(info[1], "device"));
  Script script;
  try {
    script.module = jit::load(adapter(info[0]), device, extra);
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    const auto caught = describe_current_exception();
    if (caught.code == "ERR_OUT_OF_MEMORY") throw;
    fail("ERR_CHECKPOINT_FORMAT", caught.message);
  }
  script.gate = std::make_shared<Gate>();
  auto files = Napi::Object::New(info.Env());
  for (const auto& [name, content] : extra) {
    files.Set(name, Napi::Buffer<char>::Copy(info.Env(), content.data(), content.size()));
  }
  auto result = Napi::Object::New(info.Env());
  result.Set("module", script_handle(info.Env(), std::move(script)));
  result.Set("extra", files);
  return result;
}

const char* kind_of(const c10::ClassType& type, size_t slot) {
  if (type.is_parameter(slot)) return "parameter";
  const auto& declared = type.getAttribute(slot);
  if (declared->is_module()) return "module";
  return type.is_buffer(slot) && declared->isSubtypeOf(*c10::TensorType::get()) ? "buffer" : "attribute";
}

/** Everything that is fixed: the class, and names, kinds and types of slots and methods. */
Napi::Value describe(const Info& info) {
  const auto env = info.Env();
  const auto& script = script_of(info[0]);
  const auto type = script.module.type();
  auto members = Napi::Array::New(env), methods = Napi::Array::New(env);
  for (size_t i = 0; i < type->numAttributes(); ++i) {
    auto member = Napi::Object::New(env);
    member.Set("name", type->getAttributeName(i));
    member.Set("kind", kind_of(*type, i));
    member.Set("type", type->getAttribute(i)->repr_str());
    members.Set(static_cast<uint32_t>(i), member);
  }
  uint32_t count = 0;
  for (const auto* method : type->methods()) methods.Set(count++, method->name());
  auto result = Napi::Object::New(env);
  result.Set("name", type->name()->name());
  result.Set("members", members);
  result.Set("methods", methods);
  return result;
}

size_t slot_of(const Script& script, const Napi::Value& value) {
  const auto slot = to_int(value, "slot");
  if (slot < 0 || static_cast<size_t>(slot) >= script.module.type()->numAttributes()) fail_argument("no such slot");
  return static_cast<size_t>(slot);
}

IValue read_slot(const Script& script, size_t slot) {
  std::shared_lock<std::shared_mutex> lock(script.gate->mutex);
  return script.module._ivalue()->getSlot(slot);
}

Napi::Value get(const Info& info) {
  const auto& script = script_of(info[0]);
  return from_value(info.Env(), read_slot(script, slot_of(script, info[1])), script.gate);
}

/** The address of the tensor in a slot: 0 where there is none. It stays the same as long as the tensor does. */
Napi::Value tensor_id(const Info& info) {
  const auto& script = script_of(info[0]);
  const auto value = read_slot(script, slot_of(script, info[1]));
  const auto id = value.isTensor() ? reinterpret_cast<uintptr_t>(value.unsafeToTensorImpl()) : 0;
  return Napi::BigInt::New(info.Env(), static_cast<uint64_t>(id));
}

/** The tensor in a slot, for an empty Parameter or Buffer. */
Napi::Value get_tensor(const Info& info) {
  const auto& script = script_of(info[1]);
  const auto value = read_slot(script, slot_of(script, info[2]));
  if (!value.isTensor() || !value.toTensor().defined()) return info.Env().Null();
  return {info.Env(), wrap_tensor(info.Env(), info[0], value.toTensor())};
}

Napi::Value set(const Info& info) {
  const auto& script = script_of(info[0]);
  const auto slot = slot_of(script, info[1]);
  const auto type = script.module.type();
  try {
    auto value = to_value(info[2], type->getAttribute(slot));
    std::unique_lock<std::shared_mutex> lock(script.gate->mutex);
    script.module._ivalue()->setSlot(slot, std::move(value));
  } catch (const Mismatch& e) {
    if (type->getAttribute(slot)->is_module()) {
      fail_argument("Expected a value of type '" + type->getAttribute(slot)->repr_str() + "' for field '" +
                    type->getAttributeName(slot) + "': " + e.reason);
    }
    fail_argument("Could not cast attribute '" + type->getAttributeName(slot) + "' to type " +
                  type->getAttribute(slot)->repr_str() + ": " + e.reason);
  }
  return info.Env().Undefined();
}

/** The pairs of names and contents that go into the archive beside the program. */
jit::ExtraFilesMap extra_files(const Napi::Value& value) {
  jit::ExtraFilesMap extra;
  const auto pairs = value.As<Napi::Array>();
  for (uint32_t i = 0; i < pairs.Length(); ++i) {
    const auto pair = pairs.Get(i).As<Napi::Array>();
    const auto bytes = pair.Get(1u).As<Napi::Uint8Array>();
    extra[pair.Get(0u).As<Napi::String>()] =
        std::string(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength());
  }
  return extra;
}

void write_archive(const Script& script, const jit::ExtraFilesMap& extra,
                   const std::function<size_t(const void*, size_t)>& write) {
  std::shared_lock<std::shared_mutex> lock(script.gate->mutex);
  jit::ExportModule(script.module, write, extra);
}

/** scriptSave(module, file descriptor, extra files) → the number of the system's error, 0 where all was written */
Napi::Value save(const Info& info) {
  const auto fd = static_cast<int>(to_int(info[1], "file descriptor"));
  int error = 0;
  const auto write_all = [&](const void* data, size_t size) {
    size_t done = 0;
    while (done < size) {
      const auto count = ::write(fd, static_cast<const char*>(data) + done, size - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        error = errno;
        break;
      }
      done += static_cast<size_t>(count);
    }
    return done;
  };
  try {
    write_archive(script_of(info[0]), extra_files(info[2]), write_all);
  } catch (...) {
    // LibTorch's own error for a failed write says nothing of the cause
    if (error == 0) throw;
  }
  return Napi::Number::New(info.Env(), error);
}

Napi::Value save_to_buffer(const Info& info) {
  std::string bytes;
  write_archive(script_of(info[0]), extra_files(info[1]), [&](const void* data, size_t size) {
    bytes.append(static_cast<const char*>(data), size);
    return size;
  });
  return Napi::Buffer<char>::Copy(info.Env(), bytes.data(), bytes.size());
}

std::vector<std::string> strings(const Napi::Value& value) {
  std::vector<std::string> result;
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) result.push_back(array.Get(i).As<Napi::String>());
  return result;
}

/** A module of its own: nothing that runs in another can reach it. */
Napi::Value fresh(Napi::Env env, jit::Module module) {
  return script_handle(env, {std::move(module), std::make_shared<Gate>()});
}

/** scriptFreeze(module, preserved attributes, optimize numerics) */
Napi::Value freeze(const Info& info) {
  const auto& script = script_of(info[0]);
  std::shared_lock<std::shared_mutex> lock(script.gate->mutex);
  return fresh(info.Env(), jit::freeze(script.module, strings(info[1]), to_bool(info[2], "optimizeNumerics")));
}

/** scriptOptimize(module, other methods) */
Napi::Value optimize(const Info& info) {
  const auto& script = script_of(info[0]);
  std::unique_lock<std::shared_mutex> lock(script.gate->mutex);
  auto module = script.module;
  // a frozen module is changed itself
  return script_handle(info.Env(), {jit::optimize_for_inference(module, strings(info[1])), script.gate});
}

Napi::Value copy(const Info& info) {
  const auto& script = script_of(info[0]);
  std::shared_lock<std::shared_mutex> lock(script.gate->mutex);
  return fresh(info.Env(), to_bool(info[1], "deep") ? script.module.deepcopy() : script.module.copy());
}

}  // namespace

Napi::Value script_handle(Napi::Env env, Script script) {
  return make_handle(env, std::make_shared<Script>(std::move(script)));
}

Script& script_of(const Napi::Value& value) { return *unwrap<Script>(value, "script module"); }

void init_members(Napi::Object exports) {
  export_function<load>(exports, "scriptLoad");
  export_function<describe>(exports, "scriptDescribe");
  export_function<get>(exports, "scriptGet");
  export_function<set>(exports, "scriptSet");
  export_function<tensor_id>(exports, "scriptTensorId");
  export_function<get_tensor>(exports, "scriptTensor");
  export_function<save>(exports, "scriptSave");
  export_function<save_to_buffer>(exports, "scriptSaveToBuffer");
  export_function<freeze>(exports, "scriptFreeze");
  export_function<optimize>(exports, "scriptOptimize");
  export_function<copy>(exports, "scriptCopy");
}

}  // namespace scripts

void init_jit(Napi::Env, Napi::Object exports) {
  scripts::init_calls(exports);
  scripts::init_members(exports);
}

}  // namespace libtorch_node
