#include "core/large_block.h"

#include <cstdint>
#include <cstdlib>

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
#include <sys/mman.h>

#include <algorithm>
#include <deque>
#include <mutex>

namespace libtorch_node {

namespace {

// the largest that a system has
constexpr size_t kPage = 64 << 10;
constexpr size_t kHugePage = 2 << 20;
// what a large step of training has in activations
constexpr size_t kMostKept = 640 << 20;

constexpr size_t round_up(size_t n, size_t unit) { return (n + unit - 1) / unit * unit; }

char* map(size_t bytes) {
  void* start = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return start == MAP_FAILED ? nullptr : static_cast<char*>(start);
}

bool is_aligned(const char* start) { return reinterpret_cast<uintptr_t>(start) % kHugePage == 0; }

/** Linux aligns large mappings by itself since 6.7. */
char* map_aligned(size_t bytes) {
  char* start = map(bytes);
  if (start == nullptr || is_aligned(start)) return start;
  munmap(start, bytes);
  start = map(bytes + kHugePage);
  if (start == nullptr) return nullptr;
  auto* aligned = reinterpret_cast<char*>(round_up(reinterpret_cast<uintptr_t>(start), kHugePage));
  if (aligned > start) munmap(start, static_cast<size_t>(aligned - start));
  munmap(aligned + bytes, kHugePage - static_cast<size_t>(aligned - start));
  return aligned;
}

/** Free blocks, the oldest first. Never destroyed, as tensors in static variables are freed last. */
struct Kept {
  std::mutex mutex;
  std::deque<LargeBlock> blocks;
  size_t bytes = 0;

  static Kept& all() {
    static auto* kept = new Kept;
    return *kept;
  }

  /** The newest that fits and is not much too large. */
  LargeBlock take(size_t wanted) {
    const std::lock_guard lock(mutex);
    const auto fits = [&](const LargeBlock& b) { return b.bytes >= wanted && b.bytes - wanted <= wanted / 4; };
    const auto found = std::find_if(blocks.rbegin(), blocks.rend(), fits);
    if (found == blocks.rend()) return {nullptr, 0};
    const auto block = *found;
    blocks.erase(std::next(found).base());
    bytes -= block.bytes;
    return block;
  }

  void give(LargeBlock block) {
    const std::lock_guard lock(mutex);
    blocks.push_back(block);
    bytes += block.bytes;
    for (; bytes > kMostKept; blocks.pop_front()) {
      bytes -= blocks.front().bytes;
      munmap(blocks.front().start, blocks.front().bytes);
    }
  }
};

}  // namespace

LargeBlock take_large_block(size_t bytes) {
  if (bytes > SIZE_MAX / 2) return {nullptr, 0};
  bytes = round_up(bytes, kPage);
  const auto kept = Kept::all().take(bytes);
  if (kept.start != nullptr) return kept;
  char* start = map_aligned(bytes);
  // advice alone: without huge pages it is memory as any other
  if (start != nullptr) madvise(start, bytes, MADV_HUGEPAGE);
  return {start, bytes};
}

void give_large_block(LargeBlock block) {
#ifdef MADV_FREE
  // whole huge pages: a part of one would split it
  if (block.bytes <= kMostKept) madvise(block.start, block.bytes / kHugePage * kHugePage, MADV_FREE);
#endif
  Kept::all().give(block);
}

}  // namespace libtorch_node

#else

// AddressSanitizer knows memory by malloc and free.
namespace libtorch_node {

LargeBlock take_large_block(size_t bytes) { return {std::malloc(bytes), bytes}; }
void give_large_block(LargeBlock block) { std::free(block.start); }

}  // namespace libtorch_node

#endif
