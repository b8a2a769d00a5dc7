#include "core/memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <atomic>
#include <cstring>
#include <mutex>

#include "core/env.h"

#if defined(__APPLE__)
#include <malloc/malloc.h>
#elif defined(_WIN32)
#include <malloc.h>
#else
#include <malloc.h>
#endif

namespace libtorch_node {

namespace {

std::atomic<int64_t> g_bytes{0};
std::atomic<int64_t> g_tensors{0};

// A wrapper, its TensorImpl and its storage header; keeps a loop over tiny tensors visible to V8, too.
constexpr int64_t kBytesPerTensor = 512;
// V8 is told in steps: each call costs about as much as a small operator.
constexpr int64_t kStep = 4 << 20;

// The size is asked of malloc at both ends, so that a block needs no header and its context stays the pointer itself,
// which is what makes raw_allocate() of the base allocator keep working.
int64_t block_size(void* data) {
#if defined(__APPLE__)
  return static_cast<int64_t>(malloc_size(data));
#elif defined(_WIN32)
  return static_cast<int64_t>(_aligned_msize(data, c10::gAlignment, 0));
#else
  return static_cast<int64_t>(malloc_usable_size(data));
#endif
}

c10::DeleterFnPtr g_base_deleter = nullptr;

void release(void* data) {
  if (data == nullptr) return;
  g_bytes.fetch_sub(block_size(data), std::memory_order_relaxed);
  g_base_deleter(data);
}

struct CountingAllocator final : c10::Allocator {
  explicit CountingAllocator(c10::Allocator* allocator) : base(allocator) {}

  c10::DataPtr allocate(size_t n) override {
    auto block = base->allocate(n);
    if (block.get() != nullptr) {
      g_bytes.fetch_add(block_size(block.get()), std::memory_order_relaxed);
      [[maybe_unused]] const bool exchanged = block.compare_exchange_deleter(g_base_deleter, &release);
    }
    return block;
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* dest, const void* src, size_t count) const override { std::memcpy(dest, src, count); }

  c10::Allocator* base;
};

}  // namespace

void install_counting_allocator() {
  static std::once_flag once;
  std::call_once(once, [] {
    auto* base = c10::GetAllocator(c10::kCPU);
    g_base_deleter = base->raw_deleter();
    if (g_base_deleter == nullptr) return;  // a debugging allocator: leave it alone, scope() and dispose() still work
    static CountingAllocator counting(base);
    c10::SetAllocator(c10::kCPU, &counting, 10);
  });
}

int64_t live_bytes() { return g_bytes.load(std::memory_order_relaxed); }
int64_t live_tensors() { return g_tensors.load(std::memory_order_relaxed); }
void count_tensor(int delta) { g_tensors.fetch_add(delta, std::memory_order_relaxed); }

void start_accounting(napi_env env) { EnvData::of(env).reported_bytes = live_bytes() + live_tensors() * kBytesPerTensor; }

void account(napi_env env) { account(env, EnvData::of(env)); }

void account(napi_env env, EnvData& data) {
  auto& reported = data.reported_bytes;
  const int64_t now = live_bytes() + live_tensors() * kBytesPerTensor;
  const int64_t delta = now - reported;
  if (delta < kStep && delta > -kStep) return;
  int64_t total = 0;
  napi_adjust_external_memory(env, delta, &total);
  reported = now;
}

}  // namespace libtorch_node
