#include "core/memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>

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

/**
 * Free blocks of up to 1 KB, kept for the next small tensor of this thread. The collector frees wrappers thousands at a time,
 * which is what malloc's own caches are worst at: an operator on small tensors would spend a tenth of its time there.
 */
class SmallBlocks {
 public:
  static constexpr size_t kUnit = 64;
  static constexpr size_t kLargest = 1024;

  /** null when there is none of that size */
  static void* take(size_t size) {
    auto* blocks = mine();
    if (blocks == nullptr) return nullptr;
    auto& first = blocks->free_[size / kUnit - 1];
    if (first == nullptr) return nullptr;
    blocks->bytes_ -= size;
    return std::exchange(first, first->next);
  }
  /** false when the block is not kept and must be freed */
  static bool give(void* data, size_t usable) {
    const size_t size = usable / kUnit * kUnit;
    auto* blocks = mine();
    if (blocks == nullptr || size == 0 || size > kLargest || blocks->bytes_ + size > kMost) return false;
    auto& first = blocks->free_[size / kUnit - 1];
    first = new (data) Free{first};
    blocks->bytes_ += size;
    return true;
  }

  ~SmallBlocks() {
    gone_ = true;
    for (auto* block : free_) {
      while (block != nullptr) g_base_deleter(std::exchange(block, block->next));
    }
  }

 private:
  static constexpr size_t kMost = 4 << 20;  // bytes a thread keeps
  struct Free {
    Free* next;
  };

  // Tensors may outlive the thread's other variables: after the destructor there is no cache any more.
  static SmallBlocks* mine() {
    if (gone_) return nullptr;
    thread_local SmallBlocks blocks;
    return &blocks;
  }
  static thread_local bool gone_;

  std::array<Free*, kLargest / kUnit> free_{};
  size_t bytes_ = 0;
};
thread_local bool SmallBlocks::gone_ = false;

void release(void* data) {
  if (data == nullptr) return;
  const int64_t size = block_size(data);
  g_bytes.fetch_sub(size, std::memory_order_relaxed);
  if (!SmallBlocks::give(data, static_cast<size_t>(size))) g_base_deleter(data);
}

struct CountingAllocator final : c10::Allocator {
  explicit CountingAllocator(c10::Allocator* allocator) : base(allocator) {}

  c10::DataPtr allocate(size_t n) override {
    if (n > 0 && n <= SmallBlocks::kLargest) {
      n = (n + SmallBlocks::kUnit - 1) / SmallBlocks::kUnit * SmallBlocks::kUnit;
      if (void* data = SmallBlocks::take(n)) {
        g_bytes.fetch_add(block_size(data), std::memory_order_relaxed);
        return {data, data, &release, c10::Device(c10::kCPU)};
      }
    }
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
