// Bytes in and out of tensors.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "core/async.h"
#include "core/convert.h"
#include "core/dtype.h"
#include "core/env.h"
#include "core/function.h"
#include "core/tensor.h"

namespace libtorch_node {

namespace {

using Info = Napi::CallbackInfo;

// Values as they lie in a dense, row-major CPU tensor: conjugate and negative bits resolved.
at::Tensor dense(const at::Tensor& t) {
  c10::NoGradGuard no_grad;
  if (t.is_meta()) fail("ERR_TORCH", "a meta tensor has no values");
  if (t.layout() != at::kStrided) fail("ERR_TORCH", "a sparse tensor has no dense bytes; call toDense() first");
  // Derivatives that are zero everywhere come as tensors without memory.
  if (t._is_zerotensor()) return at::zeros(t.sizes(), at::dtype(t.scalar_type()));
  return t.detach().resolve_conj().resolve_neg().to(at::kCPU).contiguous();
}

Napi::ArrayBuffer copy_bytes(Napi::Env env, const at::Tensor& t) {
  auto buffer = Napi::ArrayBuffer::New(env, t.nbytes());
  if (t.nbytes() > 0) std::memcpy(buffer.Data(), t.const_data_ptr(), t.nbytes());
  return buffer;
}

Napi::Value bytes(const Info& info) { return copy_bytes(info.Env(), dense(unwrap_tensor(info[0], "self"))); }

// The buffer is made on this thread, which costs little as its memory is not touched yet, and filled on the other.
Napi::Value bytes_async(const Info& info) {
  const auto t = unwrap_tensor(info[0], "self");
  const bool has_bytes = t.layout() == at::kStrided && !t.is_meta();
  auto buffer = Napi::ArrayBuffer::New(info.Env(), has_bytes ? t.numel() * t.element_size() : 0);
  const auto fill = [t, data = buffer.Data()] {
    const auto values = dense(t);
    if (values.nbytes() > 0) std::memcpy(data, values.const_data_ptr(), values.nbytes());
  };
  // goes on this thread, with the end of the work
  auto kept = std::make_shared<Napi::Reference<Napi::ArrayBuffer>>(Napi::Persistent(buffer));
  return run_async(info.Env(), fill, [kept](Napi::Env) -> Napi::Value { return kept->Value(); });
}

Napi::Value item(const Info& info) {
  const auto t = unwrap_tensor(info[0], "self");
  if (t.numel() != 1) {
    fail("ERR_SHAPE", "a Tensor with " + std::to_string(t.numel()) + " elements cannot be converted to Scalar");
  }
  return from_scalar(info.Env(), t.item());
}

struct View {
  void* data;
  size_t length;
};

View view_bytes(const Napi::Value& value) {
  if (value.IsTypedArray()) {
    // not by its ArrayBuffer, which may be a SharedArrayBuffer, that Node-API has no word for
    View view{nullptr, value.As<Napi::TypedArray>().ByteLength()};
    napi_get_typedarray_info(value.Env(), value, nullptr, nullptr, &view.data, nullptr, nullptr);
    return view;
  }
  if (value.IsDataView()) {
    auto view = value.As<Napi::DataView>();
    return {view.Data(), view.ByteLength()};
  }
  fail_argument("expected a typed array, received " + kind_name(value));
}

// A reference into JavaScript must be dropped on its own thread, while a tensor may die on any other: the reference is
// parked here, and the environment's next task deletes it.
struct Kept {
  Napi::ObjectReference reference;
  Napi::ThreadSafeFunction queue;
  std::shared_ptr<Gate> gate;
};

void let_go(void* context) {
  auto* kept = static_cast<Kept*>(context);
  const auto gate = kept->gate;
  auto queue = kept->queue;
  std::lock_guard lock(gate->mutex);
  const auto call = [](Napi::Env, Napi::Function, Kept* k) { delete k; };
  if (gate->open && queue.NonBlockingCall(kept, call) == napi_ok) {
    queue.Release();
  } else {
    // The environment has begun to end: its queues may be gone already, and its references go with it.
    kept->reference.SuppressDestruct();
    delete kept;
  }
}

at::Tensor over_memory(const Info& info, const View& view, const std::vector<int64_t>& sizes, at::ScalarType type) {
  auto env = info.Env();
  auto* kept = new Kept{Napi::Persistent(info[1].As<Napi::Object>()),
                        Napi::ThreadSafeFunction::New(env, Napi::Function(), "libtorch-node buffer", 0, 1),
                        EnvData::of(env).gate};
  kept->queue.Unref(env);
  return at::from_blob(view.data, sizes, [kept](void*) { let_go(kept); }, at::TensorOptions().dtype(type));
}

Napi::Value from_bytes(const Info& info) {
  const auto view = view_bytes(info[1]);
  const auto type = parse_dtype(to_string(info[2], "dtype"));
  const auto sizes = to_ints(info[3], "shape");
  const bool copy = to_bool(info[4], "copy");
  // A size of 0 anywhere means no bytes, whatever stands before it.
  uint64_t need = std::find(sizes.begin(), sizes.end(), 0) == sizes.end() ? c10::elementSize(type) : 0;
  for (const auto size : sizes) {
    if (size < 0) fail("ERR_SHAPE", "sizes must not be negative, received " + c10::str(sizes));
    if (size != 0 && need > view.length / static_cast<uint64_t>(size)) {
      need = UINT64_MAX;
      break;
    }
    need *= static_cast<uint64_t>(size);
  }
  if (need > view.length) {
    fail("ERR_SHAPE", "shape " + c10::str(sizes) + " of " + dtype_name(type) + " needs more bytes than the buffer's " +
                          std::to_string(view.length));
  }
  at::Tensor t;
  if (copy || need == 0) {
    t = at::empty(sizes, at::TensorOptions().dtype(type));
    if (need > 0) std::memcpy(t.mutable_data_ptr(), view.data, need);
  } else {
    if (reinterpret_cast<uintptr_t>(view.data) % c10::elementSize(type) != 0) {
      fail_argument("the buffer is not aligned to its element size; copy it first");
    }
    t = over_memory(info, view, sizes, type);
  }
  return Napi::Value(info.Env(), wrap_tensor(info.Env(), info[0], std::move(t)));
}

}  // namespace

void init_tensor_data(Napi::Env, Napi::Object exports) {
  export_function<bytes>(exports, "bytes");
  export_function<bytes_async>(exports, "bytesAsync");
  export_function<item>(exports, "item");
  export_function<from_bytes>(exports, "fromBytes");
}

}  // namespace libtorch_node
