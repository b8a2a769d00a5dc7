#include "core/memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/alignment.h>
#include <c10/util/Exception.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "core/env.h"

namespace libtorch_node {

namespace {

std::atomic<int64_t> g_bytes{0};
std::atomic<int64_t> g_tensors{0};
/** as of the last time that the accelerator was asked */
std::atomic<int64_t> g_accelerator_bytes{0};

// A wrapper, its TensorImpl and its storage header; keeps a loop over tiny tensors visible to V8, too.
constexpr int64_t kBytesPerTensor = 512;
// V8 is told in steps: each call costs about as much as a small operator.
constexpr int64_t kStep = 4 << 20;

/**
 * A block is cut from malloc's memory and aligned here, behind a header. LibTorch's own allocator asks posix_memalign,
 * which before glibc 2.38 cuts off what a block has too much at both ends. Small objects settle in these remainders,
 * and the block is too short ever after for a request of its own size: a loop of 1-MB tensors, each disposed of, grew
 * by 1 MB a step.
 */
struct Header {
  void* start;
  size_t bytes;
};

Header& header_of(void* data) { return static_cast<Header*>(data)[-1]; }

void* new_block(size_t bytes) {
  constexpr size_t extra = sizeof(Header) + c10::gAlignment;
  void* start = bytes <= SIZE_MAX - extra ? std::malloc(bytes + extra) : nullptr;
  TORCH_CHECK_WITH(OutOfMemoryError, start != nullptr, "can't allocate memory: you tried to allocate ", bytes,
                   " bytes");
  auto* data = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(start) + extra) & ~(c10::gAlignment - 1));
  header_of(data) = {start, bytes};
  return data;
}

void free_block(void* data) { std::free(header_of(data).start); }

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
      for (void* data : list) free_block(data);
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
  if (!SmallBlocks::give(data, size_class)) free_block(data);
}

template <size_t... classes>
constexpr std::array<c10::DeleterFnPtr, sizeof...(classes)> small_deleters(std::index_sequence<classes...>) {
  return {&release_small<classes>...};
}
constexpr auto kSmallDeleters = small_deleters(std::make_index_sequence<SmallBlocks::kClasses>());

void release(void* data) {
  if (data == nullptr) return;
  g_bytes.fetch_sub(static_cast<int64_t>(header_of(data).bytes), std::memory_order_relaxed);
  free_block(data);
}

struct CountingAllocator final : c10::Allocator {
  c10::DataPtr allocate(size_t n) override {
    const c10::Device cpu(c10::kCPU);
    if (n == 0) return {nullptr, nullptr, &release, cpu};
    if (n <= SmallBlocks::size_of(SmallBlocks::kClasses - 1)) return allocate_small(SmallBlocks::class_of(n));
    void* data = new_block(n);
    g_bytes.fetch_add(static_cast<int64_t>(n), std::memory_order_relaxed);
    return {data, data, &release, cpu};
  }
  // Small blocks have the header, too, so that every block may also be freed by its address alone.
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* dest, const void* src, size_t count) const override { std::memcpy(dest, src, count); }

 private:
  static c10::DataPtr allocate_small(size_t size_class) {
    const size_t size = SmallBlocks::size_of(size_class);
    void* data = SmallBlocks::take(size_class);
    if (data == nullptr) data = new_block(size);
    g_bytes.fetch_add(static_cast<int64_t>(size), std::memory_order_relaxed);
    return {data, data, kSmallDeleters[size_class], c10::Device(c10::kCPU)};
  }
};

int64_t bytes_for_v8() {
  return live_bytes() + live_tensors() * kBytesPerTensor + g_accelerator_bytes.load(std::memory_order_relaxed);
}

}  // namespace

void install_counting_allocator() {
  static std::once_flag once;
  std::call_once(once, [] {
    // a debugging allocator: leave it alone, scope() and dispose() still work
    if (c10::GetAllocator(c10::kCPU)->raw_deleter() == nullptr) return;
    static CountingAllocator counting;
    c10::SetAllocator(c10::kCPU, &counting, 10);
  });
}

int64_t live_bytes() { return g_bytes.load(std::memory_order_relaxed); }
int64_t live_tensors() { return g_tensors.load(std::memory_order_relaxed); }
void count_tensor(int delta) { g_tensors.fetch_add(delta, std::memory_order_relaxed); }

void watch_accelerator() {
  // to ask costs about as much as a small operator
  constexpr uint32_t kEvery = 16;
  thread_local uint32_t results = 0;
  if (++results % kEvery == 0) g_accelerator_bytes.store(accelerator_bytes(), std::memory_order_relaxed);
}

void start_accounting(napi_env env) { EnvData::of(env).reported_bytes = bytes_for_v8(); }

void account(napi_env env) { account(env, EnvData::of(env)); }

void account(napi_env env, EnvData& data) {
  auto& reported = data.reported_bytes;
  const int64_t now = bytes_for_v8();
  const int64_t delta = now - reported;
  if (delta < kStep && delta > -kStep) return;
  int64_t total = 0;
  napi_adjust_external_memory(env, delta, &total);
  reported = now;
}

}  // namespace libtorch_node
