#include "core/memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <array>
#include <atomic>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

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
 * Free blocks of up to 1 KB, kept for the next small tensor of this thread. The collector frees wrappers thousands at a
 * time, which malloc's own caches are made least for. The lists stand beside the blocks, and the deleter knows the
 * size, so that freeing one does not touch its memory, which is cold by then.
 */
class SmallBlocks {
 public:
  static constexpr size_t kUnit = 64;
  static constexpr size_t kClasses = 16;

  /** Class `c` holds blocks of (c + 1) * kUnit bytes. */
  static size_t class_of(size_t bytes) { return (bytes + kUnit - 1) / kUnit - 1; }
  static size_t size_of(size_t size_class) { return (size_class + 1) * kUnit; }

  /** null when there is none */
  static void* take(size_t size_class) {
    auto* blocks = mine();
    if (blocks == nullptr || blocks->free_[size_class].empty()) return nullptr;
    void* data = blocks->free_[size_class].back();
    blocks->free_[size_class].pop_back();
    return data;
  }
  /** false when the block is not kept and must be freed */
  static bool give(void* data, size_t size_class) {
    auto* blocks = mine();
    if (blocks == nullptr || blocks->free_[size_class].size() >= kMost / size_of(size_class)) return false;
    blocks->free_[size_class].push_back(data);
    return true;
  }

  ~SmallBlocks() {
    gone_ = true;
    for (const auto& list : free_) {
      for (void* data : list) g_base_deleter(data);
    }
  }

 private:
  static constexpr size_t kMost = 2 << 20;  // bytes that a thread keeps of each class

  // Tensors may outlive the thread's other variables: after the destructor there are no lists any more.
  static SmallBlocks* mine() {
    if (gone_) return nullptr;
    thread_local SmallBlocks blocks;
    return &blocks;
  }
  static thread_local bool gone_;

  std::array<std::vector<void*>, kClasses> free_;
};
thread_local bool SmallBlocks::gone_ = false;

template <size_t size_class>
void release_small(void* data) {
  g_bytes.fetch_sub(static_cast<int64_t>(SmallBlocks::size_of(size_class)), std::memory_order_relaxed);
  if (!SmallBlocks::give(data, size_class)) g_base_deleter(data);
}

template <size_t... classes>
constexpr std::array<c10::DeleterFnPtr, sizeof...(classes)> small_deleters(std::index_sequence<classes...>) {
  return {&release_small<classes>...};
}
constexpr auto kSmallDeleters = small_deleters(std::make_index_sequence<SmallBlocks::kClasses>());

void release(void* data) {
  if (data == nullptr) return;
  g_bytes.fetch_sub(block_size(data), std::memory_order_relaxed);
  g_base_deleter(data);
}

struct CountingAllocator final : c10::Allocator {
  explicit CountingAllocator(c10::Allocator* allocator) : base(allocator) {}

  c10::DataPtr allocate(size_t n) override {
    if (n > 0 && n <= SmallBlocks::size_of(SmallBlocks::kClasses - 1)) return allocate_small(SmallBlocks::class_of(n));
    return counted(base->allocate(n));
  }
  // Every block is one of the base allocator's, so that it may also be freed by its address alone.
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* dest, const void* src, size_t count) const override { std::memcpy(dest, src, count); }

  c10::Allocator* base;

 private:
  c10::DataPtr allocate_small(size_t size_class) {
    const size_t size = SmallBlocks::size_of(size_class);
    void* data = SmallBlocks::take(size_class);
    if (data == nullptr) data = base->raw_allocate(size);
    g_bytes.fetch_add(static_cast<int64_t>(size), std::memory_order_relaxed);
    return {data, data, kSmallDeleters[size_class], c10::Device(c10::kCPU)};
  }

  static c10::DataPtr counted(c10::DataPtr block) {
    if (block.get() != nullptr) {
      g_bytes.fetch_add(block_size(block.get()), std::memory_order_relaxed);
      [[maybe_unused]] const bool exchanged = block.compare_exchange_deleter(g_base_deleter, &release);
    }
    return block;
  }
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

void start_accounting(napi_env env) {
  EnvData::of(env).reported_bytes = live_bytes() + live_tensors() * kBytesPerTensor;
}

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
