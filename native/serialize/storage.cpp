#include "serialize/storage.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/Allocator.h>
#include <c10/core/TensorOptions.h>

#include <cstring>

#include "core/convert.h"
#include "core/dtype.h"
#include "core/function.h"
#include "core/handle.h"
#include "core/memory.h"
#include "core/tensor.h"

namespace libtorch_node {

c10::Storage new_storage(size_t nbytes) {
  auto* allocator = c10::GetAllocator(c10::kCPU);
  return c10::Storage(c10::Storage::use_byte_size_t(), nbytes, allocator->allocate(nbytes), allocator, true);
}

Napi::Value wrap_storage(Napi::Env env, const c10::Storage& storage) {
  return make_handle(env, std::make_shared<c10::Storage>(storage));
}

c10::Storage unwrap_storage(const Napi::Value& value) { return *unwrap<c10::Storage>(value, "storage"); }

namespace {

using Info = Napi::CallbackInfo;

/** A tensor over a storage, without asking whether the storage is large enough. */
at::Tensor over(const c10::Storage& storage, c10::ScalarType type, int64_t offset, at::IntArrayRef sizes,
                at::IntArrayRef strides) {
  const auto key = c10::computeDispatchKey(type, c10::kStrided, storage.device());
  auto tensor = at::detail::make_tensor<c10::TensorImpl>(c10::Storage(storage), c10::DispatchKeySet(key),
                                                         c10::scalarTypeToTypeMeta(type));
  tensor.unsafeGetTensorImpl()->set_sizes_and_strides(sizes, strides, offset);
  return tensor;
}

at::Tensor as_bytes(const c10::Storage& storage) {
  return over(storage, at::kByte, 0, {static_cast<int64_t>(storage.nbytes())}, {1});
}

/** Throws unless every element lies inside of the storage; nothing overflows on the way. */
void check_bounds(const c10::Storage& storage, c10::ScalarType type, int64_t offset, at::IntArrayRef sizes,
                  at::IntArrayRef strides) {
  const auto refuse = [](const char* why) { fail("ERR_CHECKPOINT_FORMAT", std::string("a tensor ") + why); };
  if (sizes.size() != strides.size()) refuse("has not as many strides as sizes");
  if (offset < 0) refuse("has a negative storage offset");
  const auto capacity = static_cast<int64_t>(storage.nbytes() / c10::elementSize(type));
  int64_t count = 1;
  int64_t last = offset;
  bool overflow = false;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] < 0 || strides[i] < 0) refuse("has a negative size or stride");
    overflow = overflow || __builtin_mul_overflow(count, sizes[i], &count);
    int64_t span = 0;
    if (sizes[i] > 1) {
      overflow = overflow || __builtin_mul_overflow(sizes[i] - 1, strides[i], &span);
      overflow = overflow || __builtin_add_overflow(last, span, &last);
    }
  }
  bool empty = false;
  for (const auto size : sizes) empty = empty || size == 0;
  if (overflow && !empty) refuse("has sizes beyond 64 bits");
  if (offset > capacity || (!empty && last >= capacity)) refuse("reaches beyond its storage");
}

Napi::Value tensor_from_storage(const Info& info) {
  wrap_tensor(info.Env(), info[0], tensor_over(info, unwrap_storage(info[1]), 2));
  return info[0];
}

Napi::Value storage_from_bytes(const Info& info) {
  if (!info[0].IsTypedArray()) fail_argument("expected a Uint8Array");
  auto bytes = info[0].As<Napi::Uint8Array>();
  auto storage = new_storage(bytes.ByteLength());
  if (bytes.ByteLength() > 0) std::memcpy(storage.mutable_data(), bytes.Data(), bytes.ByteLength());
  account(info.Env());
  return wrap_storage(info.Env(), storage);
}

Napi::Value storage_to(const Info& info) {
  const auto storage = unwrap_storage(info[0]);
  const auto device = parse_device(to_string(info[1], "device"));
  if (device.is_cpu() && storage.device().is_cpu()) return info[0];
  if (device.is_meta()) {
    const auto options = at::TensorOptions().dtype(at::kByte).device(at::kMeta);
    return wrap_storage(info.Env(), at::empty({static_cast<int64_t>(storage.nbytes())}, options).storage());
  }
  return wrap_storage(info.Env(), as_bytes(storage).to(device).storage());
}

Napi::Value tensor_storage(const Info& info) {
  const auto tensor = unwrap_tensor(info[0]);
  if (!tensor.has_storage()) fail_argument("this tensor has no storage of its own");
  const auto& storage = tensor.storage();
  auto env = info.Env();
  auto facts = Napi::Object::New(env);
  facts.Set("storage", wrap_storage(env, storage));
  facts.Set("id",
            Napi::BigInt::New(env, static_cast<uint64_t>(reinterpret_cast<uintptr_t>(storage.unsafeGetStorageImpl()))));
  facts.Set("offset", from_int(env, tensor.storage_offset()));
  facts.Set("nbytes", from_int(env, static_cast<int64_t>(storage.nbytes())));
  facts.Set("device", device_name(storage.device()));
  return facts;
}

/** All that tensorStorage() and its kin say, in one call: a checkpoint has many small tensors. */
Napi::Value plain_tensor(const Info& info) {
  const auto tensor = unwrap_tensor(info[0]);
  auto numbers = info[1].As<Napi::Float64Array>();
  const auto dim = static_cast<size_t>(tensor.dim());
  const bool plain = tensor.layout() == at::kStrided && !tensor.is_nested() && !tensor.is_quantized() &&
                     tensor.device().is_cpu() && tensor.has_storage();
  if (!plain || numbers.ElementLength() < 7 + 2 * dim) return info.Env().Null();
  const auto& storage = tensor.storage();
  double* out = numbers.Data();
  *out++ = static_cast<double>(tensor.scalar_type());
  *out++ = tensor.requires_grad();
  *out++ = tensor.is_conj();
  *out++ = tensor.is_neg();
  *out++ = static_cast<double>(tensor.storage_offset());
  *out++ = static_cast<double>(storage.nbytes());
  *out++ = static_cast<double>(dim);
  for (const auto size : tensor.sizes()) *out++ = static_cast<double>(size);
  for (const auto stride : tensor.strides()) *out++ = static_cast<double>(stride);
  return wrap_storage(info.Env(), storage);
}

Napi::Value storage_id(const Info& info) {
  const auto storage = unwrap_storage(info[0]);
  const auto id = static_cast<uint64_t>(reinterpret_cast<uintptr_t>(storage.unsafeGetStorageImpl()));
  return Napi::BigInt::New(info.Env(), id);
}

Napi::Value storage_bytes(const Info& info) {
  const auto storage = storage_on_cpu(unwrap_storage(info[0]));
  auto bytes = Napi::Uint8Array::New(info.Env(), storage.nbytes());
  if (storage.nbytes() > 0) std::memcpy(bytes.Data(), storage.data(), storage.nbytes());
  return bytes;
}

Napi::Value is_conj(const Info& info) { return Napi::Boolean::New(info.Env(), unwrap_tensor(info[0]).is_conj()); }
Napi::Value is_neg(const Info& info) { return Napi::Boolean::New(info.Env(), unwrap_tensor(info[0]).is_neg()); }

}  // namespace

at::Tensor tensor_over(const Info& info, const c10::Storage& storage, size_t at) {
  const auto type = parse_dtype(to_string(info[at], "dtype"));
  if (c10::isQIntType(type)) fail_argument("a quantized tensor needs its quantizer");
  const auto offset = to_int(info[at + 1], "offset");
  const auto sizes = to_ints(info[at + 2], "shape");
  const auto strides = to_ints(info[at + 3], "strides");
  check_bounds(storage, type, offset, sizes, strides);
  return over(storage, type, offset, sizes, strides);
}

c10::Storage storage_on_cpu(const c10::Storage& storage) {
  if (storage.device().is_cpu()) return storage;
  if (storage.device().is_meta()) fail_argument("a meta storage has no data");
  return as_bytes(storage).cpu().storage();
}

void init_storage(Napi::Object exports) {
  export_function<tensor_from_storage>(exports, "tensorFromStorage");
  export_function<storage_from_bytes>(exports, "storageFromBytes");
  export_function<storage_to>(exports, "storageTo");
  export_function<tensor_storage>(exports, "tensorStorage");
  export_function<plain_tensor>(exports, "plainTensor");
  export_function<storage_id>(exports, "storageId");
  export_function<storage_bytes>(exports, "storageBytes");
  export_function<is_conj>(exports, "isConj");
  export_function<is_neg>(exports, "isNeg");
}

}  // namespace libtorch_node
