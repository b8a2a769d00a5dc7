#include "nn/factory.h"

#include <ATen/Functions.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/library.h>

#include "core/error.h"

namespace libtorch_node::layers {

namespace {

// A dispatch key that LibTorch itself does not use: operators come by here only within with_factory().
constexpr auto kKey = c10::DispatchKey::TESTING_ONLY_GenericMode;

thread_local const Factory* current = nullptr;

/** What is said already, such as the int64 of a counter, stays. */
void complete(std::optional<c10::ScalarType>& dtype, std::optional<c10::Device>& device) {
  if (current == nullptr) return;
  if (!dtype) dtype = current->dtype;
  if (!device) device = current->device;
}

at::Tensor empty(c10::SymIntArrayRef size, std::optional<c10::ScalarType> dtype, std::optional<c10::Layout> layout,
                 std::optional<c10::Device> device, std::optional<bool> pin, std::optional<c10::MemoryFormat> format) {
  const c10::impl::ExcludeDispatchKeyGuard below(kKey);
  complete(dtype, device);
  return at::empty_symint(size, dtype, layout, device, pin, format);
}

using Filled = at::Tensor(c10::SymIntArrayRef, std::optional<c10::ScalarType>, std::optional<c10::Layout>,
                          std::optional<c10::Device>, std::optional<bool>);
template <Filled* make>
at::Tensor filled(c10::SymIntArrayRef size, std::optional<c10::ScalarType> dtype, std::optional<c10::Layout> layout,
                  std::optional<c10::Device> device, std::optional<bool> pin) {
  const c10::impl::ExcludeDispatchKeyGuard below(kKey);
  complete(dtype, device);
  return make(size, dtype, layout, device, pin);
}

/** Registers once in the process, also where a second copy of this package is loaded. */
bool install() {
  static const bool installed = [] {
    auto& dispatcher = c10::Dispatcher::singleton();
    if (dispatcher.hasBackendFallbackForDispatchKey(kKey)) return false;
    static torch::Library all(torch::Library::IMPL, "_", kKey, __FILE__, __LINE__);
    all.fallback(torch::CppFunction::makeFallthrough());
    static torch::Library aten(torch::Library::IMPL, "aten", kKey, __FILE__, __LINE__);
    aten.impl("empty.memory_format", TORCH_FN(empty));
    aten.impl("zeros", TORCH_FN(filled<at::zeros_symint>));
    aten.impl("ones", TORCH_FN(filled<at::ones_symint>));
    return true;
  }();
  return installed;
}

}  // namespace

void with_factory(const Factory& factory, const std::function<void()>& make) {
  if (!factory.device && !factory.dtype) return make();
  if (!install()) {
    fail("ERR_TORCH",
         "device and dtype of layers belong to another copy of this package in the process; use to(device, dtype)");
  }
  struct Scope {
    explicit Scope(const Factory* factory) : before(current) { current = factory; }
    ~Scope() { current = before; }
    const Factory* before;
  } scope(&factory);
  const c10::impl::IncludeDispatchKeyGuard above(kKey);
  make();
}

}  // namespace libtorch_node::layers
