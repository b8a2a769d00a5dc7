#pragma once
#include <c10/core/TensorImpl.h>

#include <cstdint>
#include <vector>

namespace libtorch_node {

/**
 * The tensors that JavaScript objects of one environment hold, by number. A number that is none of a live object's
 * finds nothing, or another tensor, but never memory that was freed. Used on the environment's own thread alone; it
 * lives until its environment and the last of its slots are gone.
 */
class TensorSlots {
 public:
  /** Takes over one reference. */
  uint32_t take(c10::TensorImpl* impl) {
    ++live_;
    const auto entry = reinterpret_cast<uintptr_t>(impl);
    if (free_ == kNone) {
      entries_.push_back(entry);
      return static_cast<uint32_t>(entries_.size() - 1);
    }
    const auto slot = free_;
    free_ = next_of(entries_[slot]);
    entries_[slot] = entry;
    return slot;
  }

  bool taken(uint32_t slot) const { return slot < entries_.size() && (entries_[slot] & kFree) == 0; }

  /** The tensor of a slot that is taken; null after empty(). */
  c10::TensorImpl* at(uint32_t slot) const { return reinterpret_cast<c10::TensorImpl*>(entries_[slot]); }

  /** Hands the reference back; the slot stays taken. */
  c10::TensorImpl* empty(uint32_t slot) {
    auto* impl = at(slot);
    entries_[slot] = 0;
    return impl;
  }

  /** Hands the reference back, if it was not before, and frees the slot. */
  c10::TensorImpl* give(uint32_t slot) {
    auto* impl = at(slot);
    entries_[slot] = static_cast<uintptr_t>(free_) << 1 | kFree;
    free_ = slot;
    --live_;
    delete_if_unused();
    return impl;
  }

  /** The environment ends. */
  void close() {
    closed_ = true;
    delete_if_unused();
  }

 private:
  /** The lowest bit of an entry tells a free one, which has the number of the next above it, from an address. */
  static constexpr uintptr_t kFree = 1;
  static constexpr uint32_t kNone = UINT32_MAX;

  static uint32_t next_of(uintptr_t entry) { return static_cast<uint32_t>(entry >> 1); }

  void delete_if_unused() {
    if (closed_ && live_ == 0) delete this;
  }

  std::vector<uintptr_t> entries_;
  uint32_t free_ = kNone;
  size_t live_ = 0;
  bool closed_ = false;
};

}  // namespace libtorch_node
