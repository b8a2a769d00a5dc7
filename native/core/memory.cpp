#include "core/memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/alignment.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "core/env.h"
#include "core/large_block.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace libtorch_node {

namespace {

std::atomic<int64_t> g_bytes{0};
std::atomic<int64_t> g_tensors{0};
/** as of the last time that the accelerator was asked */
std::atomic<int64_t> g_accelerator_bytes{0};

// A wrapper, its TensorImpl and its storage header; keeps a loop over tiny tensors visible to V8, too.
constexpr int64_t kBytesPerTensor = 512;
// So much growth is worth a look at the youngest objects, of which most are garbage: a tenth of a millisecond. A tensor
// counts for more here than it takes: after 2,000 of them the next one finds the memory of the first in the CPU's
// cache.
constexpr int64_t kYoung = 8 << 20;
constexpr int64_t kYoungPerTensor = 4096;
// So much is garbage at most, before V8 is asked to look at all objects.
constexpr int64_t kMostYoung = 256 << 20;
// A device fills its memory some ten times as fast as the CPU, and has more of it: so many of its bytes count as one.
// With all of them a training step of 3 ms on an H200 brought three collections, which took another 1.7 ms; when the
// device is full, garbage is collected anyway.
constexpr int64_t kAcceleratorBytes = 16;
// Before so many bytes are read, a look at all objects, of some milliseconds, is no matter.
constexpr int64_t kWorthAll = 64 << 20;
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

// AddressSanitizer knows memory by malloc and free: for it no block is kept, and what a block has too much is out of
// bounds.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kKeepBlocks = false;
void fence(const void* from, const char* end) {
  ASAN_POISON_MEMORY_REGION(from, static_cast<size_t>(end - static_cast<const char*>(from)));
}
#else
constexpr bool kKeepBlocks = true;
void fence(const void*, const char*) {}
#endif

// room for the header and for the alignment
constexpr size_t kExtra = sizeof(Header) + c10::gAlignment;

/** The data of a block that is `bytes` and kExtra long; `used` of the bytes are the tensor's. */
void* data_of(void* start, size_t bytes, size_t used) {
  TORCH_CHECK_WITH(OutOfMemoryError, start != nullptr, "can't allocate memory: you tried to allocate ", used, " bytes");
  auto* data = reinterpret_cast<void*>((reinterpret_cast<uintptr_t>(start) + kExtra) & ~(c10::gAlignment - 1));
  header_of(data) = {start, bytes};
  fence(static_cast<char*>(data) + used, static_cast<char*>(start) + bytes + kExtra);
  return data;
}

void* new_block(size_t bytes, size_t used) { return data_of(std::malloc(bytes + kExtra), bytes, used); }
void free_block(void* data) { std::free(header_of(data).start); }

void* new_large_block(size_t bytes) {
  const auto block = bytes <= SIZE_MAX - kExtra ? take_large_block(bytes + kExtra) : LargeBlock{nullptr, 0};
  return data_of(block.start, block.bytes - kExtra, bytes);
}
void free_large_block(void* data) {
  const auto [start, bytes] = header_of(data);
  give_large_block({start, bytes + kExtra});
}

// Sizes of blocks: small ones come in steps of 64 bytes, larger ones four to each power of two.
constexpr size_t kUnit = 64;
constexpr size_t kSmallPower = 10;
constexpr size_t kSmall = size_t{1} << kSmallPower;
constexpr size_t kLargest = 2 << 20;
constexpr size_t kSmallClasses = kSmall / kUnit;
constexpr size_t kClasses = kSmallClasses + 4 * 11;

size_t class_of(size_t bytes) {
  if (bytes <= kSmall) return (bytes + kUnit - 1) / kUnit - 1;
  const auto power = static_cast<size_t>(std::bit_width(bytes - 1)) - 1;
  const size_t quarter = (bytes - 1) >> (power - 2) & 3;
  return kSmallClasses + (power - kSmallPower) * 4 + quarter;
}

constexpr size_t size_of(size_t size_class) {
  if (size_class < kSmallClasses) return (size_class + 1) * kUnit;
  const size_t power = (size_class - kSmallClasses) / 4 + kSmallPower;
  return (5 + (size_class - kSmallClasses) % 4) << (power - 2);
}

/**
 * Free blocks, kept for the next tensors. The collector frees wrappers thousands at a time, which malloc's own caches
 * are made least for; and a training step frees as many megabytes as the next one asks for, which malloc gives back to
 * the system and gets again, page by page.
 */
class FreeBlocks {
 public:
  explicit FreeBlocks(size_t most) : most_(most) {}
  FreeBlocks(const FreeBlocks&) = delete;
  ~FreeBlocks() {
    for (const auto& list : lists_) {
      for (void* data : list) free_block(data);
    }
  }

  /** null when there is none */
  void* take(size_t size_class) {
    auto& list = lists_[size_class];
    if (list.empty()) return nullptr;
    void* data = list.back();
    list.pop_back();
    bytes_ -= size_of(size_class);
    return data;
  }
  /** false when the block is not kept and must be freed */
  bool give(void* data, size_t size_class) {
    const auto size = size_of(size_class);
    if (!kKeepBlocks || bytes_ + size > most_) return false;
    lists_[size_class].push_back(data);
    bytes_ += size;
    return true;
  }

 private:
  const size_t most_;
  std::array<std::vector<void*>, kClasses> lists_;
  size_t bytes_ = 0;
};

// Each thread has its own small blocks: a lock costs as much as they save. Tensors may outlive the other variables of a
// thread, and then there are none any more.
struct SmallBlocks {
  FreeBlocks blocks{16 << 20};
  ~SmallBlocks() { gone = true; }

  static thread_local bool gone;
  static FreeBlocks* mine() {
    if (gone) return nullptr;
    thread_local SmallBlocks small;
    return &small.blocks;
  }
};
thread_local bool SmallBlocks::gone = false;

// Larger ones are everybody's: what a step makes on this thread, backwardAsync() frees on another. Never destroyed, as
// tensors in static variables are freed last.
struct LargeBlocks {
  std::mutex mutex;
  FreeBlocks blocks{64 << 20};

  static LargeBlocks& all() {
    static auto* large = new LargeBlocks;
    return *large;
  }
};

void* take_block(size_t size_class) {
  if (size_class < kSmallClasses) {
    auto* mine = SmallBlocks::mine();
    return mine == nullptr ? nullptr : mine->take(size_class);
  }
  auto& large = LargeBlocks::all();
  const std::lock_guard lock(large.mutex);
  return large.blocks.take(size_class);
}

bool give_block(void* data, size_t size_class) {
  if (size_class < kSmallClasses) {
    auto* mine = SmallBlocks::mine();
    return mine != nullptr && mine->give(data, size_class);
  }
  auto& large = LargeBlocks::all();
  const std::lock_guard lock(large.mutex);
  return large.blocks.give(data, size_class);
}

void release_as(void* data, size_t size_class) {
  g_bytes.fetch_sub(static_cast<int64_t>(size_of(size_class)), std::memory_order_relaxed);
  if (!give_block(data, size_class)) free_block(data);
}

// The deleter of a small block knows its size, so that freeing one does not touch its memory, which is cold by then.
template <size_t size_class>
void release_small(void* data) {
  release_as(data, size_class);
}

template <size_t... classes>
constexpr std::array<c10::DeleterFnPtr, sizeof...(classes)> small_deleters(std::index_sequence<classes...>) {
  return {&release_small<classes>...};
}
constexpr auto kSmallDeleters = small_deleters(std::make_index_sequence<kSmallClasses>());

void release(void* data) {
  if (data == nullptr) return;
  const auto bytes = header_of(data).bytes;
  if (bytes <= kLargest) return release_as(data, class_of(bytes));
  g_bytes.fetch_sub(static_cast<int64_t>(bytes), std::memory_order_relaxed);
  free_large_block(data);
}

struct CountingAllocator final : c10::Allocator {
  c10::DataPtr allocate(size_t n) override {
    const c10::Device cpu(c10::kCPU);
    if (n == 0) return {nullptr, nullptr, &release, cpu};
    if (n > kLargest) {
      void* data = new_large_block(n);
      g_bytes.fetch_add(static_cast<int64_t>(header_of(data).bytes), std::memory_order_relaxed);
      return {data, data, &release, cpu};
    }
    const auto size_class = class_of(n);
    const auto size = size_of(size_class);
    void* data = take_block(size_class);
    if (data == nullptr) data = new_block(size, n);
    g_bytes.fetch_add(static_cast<int64_t>(size), std::memory_order_relaxed);
    return {data, data, size_class < kSmallDeleters.size() ? kSmallDeleters[size_class] : &release, cpu};
  }
  // Every block has the header and may also be freed by its address alone.
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* dest, const void* src, size_t count) const override { std::memcpy(dest, src, count); }
};

int64_t accelerator_weight() { return g_accelerator_bytes.load(std::memory_order_relaxed) / kAcceleratorBytes; }

int64_t bytes_for_v8() { return live_bytes() + live_tensors() * kBytesPerTensor + accelerator_weight(); }

int64_t young_weight() { return live_bytes() + live_tensors() * kYoungPerTensor + accelerator_weight(); }

void ask_accelerator() { g_accelerator_bytes.store(accelerator_bytes(), std::memory_order_relaxed); }

/** Bytes that the collector freed in this thread since the last report. */
thread_local int64_t t_collected = 0;

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
  if (++results % kEvery == 0) ask_accelerator();
}

Collected::Collected() : before_(bytes_for_v8()) {}
Collected::~Collected() { t_collected += before_ - bytes_for_v8(); }

void start_accounting(napi_env env) {
  const auto now = bytes_for_v8();
  EnvData::of(env).accounting = {.reported = now, .peak = now, .level = young_weight(), .patience = kYoung};
}

void account(napi_env env) { account(env, EnvData::of(env)); }

namespace {

void collect(napi_env env, const EnvData& data, bool only_young) {
  const Napi::HandleScope scope(env);
  const napi_value young = Napi::Boolean::New(env, only_young);
  napi_value global = nullptr;
  napi_get_global(env, &global);
  // fails while an exception is pending; there will be a next time
  napi_call_function(env, global, data.collect_garbage.Value(), 1, &young, nullptr);
}

// Most tensors die young, and V8 does not look for them as long as their wrappers are few. `patience` grows while the
// bytes belong to something else than garbage, as the graph of a forward pass.
void collect_young(napi_env env, EnvData& data) {
  auto& a = data.accounting;
  const int64_t before = young_weight();
  collect(env, data, true);
  if (g_accelerator_bytes.load(std::memory_order_relaxed) > 0) ask_accelerator();
  const int64_t after = young_weight();
  const bool worth_it = 2 * (before - after) >= before - a.level;
  a.patience = worth_it ? kYoung : std::min(2 * a.patience, kMostYoung);
  a.level = after;
}

}  // namespace

void make_room(napi_env env, int64_t bytes) {
  if (bytes >= kWorthAll && live_bytes() >= bytes) collect(env, EnvData::of(env), false);
}

void account(napi_env env, EnvData& data) {
  auto& a = data.accounting;
  a.peak = std::max(a.peak, bytes_for_v8());
  const auto weight = young_weight();
  a.level = std::min(a.level, weight);
  if (weight - a.level >= a.patience) collect_young(env, data);

  int64_t delta = 0;
  if (t_collected == 0) {
    delta = bytes_for_v8() - a.reported;
    if (delta < kStep) return;
  } else {
    delta = std::max(bytes_for_v8(), a.peak - std::exchange(t_collected, 0)) - a.reported;
    a.peak = bytes_for_v8();
    if (delta < kStep && delta > -kStep) return;
  }
  int64_t total = 0;
  napi_adjust_external_memory(env, delta, &total);
  a.reported += delta;
}

}  // namespace libtorch_node
