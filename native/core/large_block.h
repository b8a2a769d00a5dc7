#pragma once
#include <cstddef>

/**
 * Memory of tensors that are larger than a huge page. Each block is a mapping of its own, so that small objects never
 * settle in it, and of huge pages where the system has them: memory that comes page by page costs five times as much
 * as it takes to fill it. Of those that are free again some are kept for the next tensors; the system may take back
 * what lies in them when it is short of memory.
 */
namespace libtorch_node {

struct LargeBlock {
  void* start;
  size_t bytes;
};

/** At least so many bytes, which begin at a huge page; `start` is null where there is no memory. Any thread may ask. */
LargeBlock take_large_block(size_t bytes);

void give_large_block(LargeBlock block);

}  // namespace libtorch_node
