#pragma once
#include <cstddef>
#include <cstdint>

namespace libtorch_node {

/**
 * The CRC-32 that zip archives have (IEEE 802.3) of bytes that follow others, whose CRC-32 is `before`: 0 when there
 * are none. With what the processor has for it.
 */
uint32_t crc32(uint32_t before, const void* data, size_t n);

/** The same on any processor. */
uint32_t crc32_by_tables(uint32_t before, const void* data, size_t n);

}  // namespace libtorch_node
