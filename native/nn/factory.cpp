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

at::Tensor empty(c10::SymIntArrayRef size, std::optional<c10::ScalarType> dtype, std::optional<c10::Layout> layout,
                 std::optional<c10::Device> device, std::optional<bool> pin, std::optional<c10::MemoryFormat> format) {
  const c10::impl::ExcludeDispatchKeyGuard below(kKey);
  // What is said already, such as the int64 of a counter, stays.
  if (current != nullptr && !dtype) dtype = current->dtype;
  if (current != nullptr && !device) device = current->device;
  return at::empty_symint(size, dtype, layout, device, pin, format);
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
    return true;
  }();
  return installed;
}

}  // namespace

void with_factory(const Factory& factory, const std::function<void()>& make) {
  if (!factory.device && !factory.dtype) return make();
  if (!install()) {
    fail("ERR_TORCH", "device and dtype of layers belong to another copy of this package in the process; use to(device, dtype)");
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
