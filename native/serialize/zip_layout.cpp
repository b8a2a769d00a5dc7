#include "serialize/zip_layout.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace libtorch_node {

namespace {

constexpr size_t kAlignment = 64;
/** In a field of 32 bits: look into the field of 64 bits instead. */
constexpr uint64_t kMax32 = std::numeric_limits<uint32_t>::max();
constexpr uint64_t kMax16 = std::numeric_limits<uint16_t>::max();

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie in memory");

template <class Integer>
void append(std::string& out, Integer value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_16(std::string& out, uint64_t value) { append(out, static_cast<uint16_t>(std::min(value, kMax16))); }
void append_32(std::string& out, uint64_t value) { append(out, static_cast<uint32_t>(std::min(value, kMax32))); }
void append_64(std::string& out, uint64_t value) { append(out, value); }

bool is_large(const ZipRecord& record) { return record.size >= kMax32; }
bool is_far(const ZipRecord& record) { return record.offset >= kMax32; }

size_t zip64_size(const ZipRecord& record) {
  const size_t size = (is_large(record) ? 16 : 0) + (is_far(record) ? 8 : 0);
  return size == 0 ? 0 : 4 + size;
}

/** The extra field with what has no room in 32 bits. */
void append_zip64(std::string& out, const ZipRecord& record, uint64_t compressed_size) {
  const auto size = zip64_size(record);
  if (size == 0) return;
  append_16(out, 0x0001);
  append_16(out, size - 4);
  if (is_large(record)) {
    append_64(out, record.size);
    append_64(out, compressed_size);
  }
  if (is_far(record)) append_64(out, record.offset);
}

/** What the local header and the directory say alike: no version is needed, names are UTF-8, nothing is compressed, the
 * time is not told; an empty record has no data descriptor. */
void append_common(std::string& out, const ZipRecord& record) {
  append_16(out, 0);
  append_16(out, record.size == 0 ? 0x0800 : 0x0808);
  append_16(out, 0);
  append_32(out, 0);
}

}  // namespace

void append_local_header(std::string& out, const ZipRecord& record) {
  const auto zip64 = zip64_size(record);
  const auto end = record.offset + 30 + record.name.size() + zip64 + 4;
  const auto padding = (kAlignment - end % kAlignment) % kAlignment;
  append_32(out, 0x04034b50);
  append_common(out, record);
  // CRC and sizes, which the data descriptor has
  for (int i = 0; i < 3; ++i) append_32(out, 0);
  append_16(out, record.name.size());
  append_16(out, zip64 + 4 + padding);
  out += record.name;
  // this comes before anything was stored
  append_zip64(out, record, 0);
  out += "FB";
  append_16(out, padding);
  out.append(padding, 'Z');
}

void append_data_descriptor(std::string& out, const ZipRecord& record) {
  if (record.size == 0) return;
  const auto append_size = zip64_size(record) > 0 ? append_64 : append_32;
  append_32(out, kDataDescriptor);
  append_32(out, record.crc);
  append_size(out, record.size);
  append_size(out, record.size);
}

void append_directory_entry(std::string& out, const ZipRecord& record) {
  append_32(out, 0x02014b50);
  append_16(out, 0);  // version made by
  append_common(out, record);
  append_32(out, record.crc);
  append_32(out, record.size);
  append_32(out, record.size);
  append_16(out, record.name.size());
  append_16(out, zip64_size(record));
  append_16(out, 0);  // size of the comment
  append_16(out, 0);  // disk
  append_16(out, 0);  // internal attributes
  append_32(out, 0);  // external attributes
  append_32(out, record.offset);
  out += record.name;
  append_zip64(out, record, record.size);
}

void append_end(std::string& out, uint64_t offset, uint64_t size, uint64_t records) {
  // the end of a directory of 64 bits, also where it is small
  append_32(out, 0x06064b50);
  append_64(out, 44);      // size of the rest of it
  append_16(out, 0x031E);  // version made by: 3.0, Unix
  append_16(out, 0x002D);  // version needed: 4.5
  append_32(out, 0);       // disk
  append_32(out, 0);       // disk of the directory
  append_64(out, records);
  append_64(out, records);
  append_64(out, size);
  append_64(out, offset);
  // where that is
  append_32(out, 0x07064b50);
  append_32(out, 0);  // disk
  append_64(out, offset + size);
  append_32(out, 1);  // number of disks
  // the end as it was before
  append_32(out, 0x06054b50);
  append_16(out, 0);  // disk
  append_16(out, 0);  // disk of the directory
  append_16(out, records);
  append_16(out, records);
  append_32(out, size);
  append_32(out, offset);
  append_16(out, 0);  // size of the comment
}

}  // namespace libtorch_node
