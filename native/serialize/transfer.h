#pragma once
#include <napi.h>

#include <atomic>
#include <cstdint>
#include <memory>

#include "core/error.h"

/** How far reading or writing off the main thread has come, and whether it is still wanted. */
namespace libtorch_node {

class Transfer {
 public:
  /** Counts bytes that were moved; throws once nobody wants them any more. */
  void moved(uint64_t nbytes) {
    done_ += nbytes;
    if (stopped_) fail("ERR_TORCH", "the transfer was stopped");
  }
  void stop() { stopped_ = true; }
  uint64_t done() const { return done_; }

 private:
  std::atomic<uint64_t> done_ = 0;
  std::atomic<bool> stopped_ = false;
};

/** The transfer given as an argument; null when there is none. */
std::shared_ptr<Transfer> transfer_of(const Napi::Value& value);

}  // namespace libtorch_node
