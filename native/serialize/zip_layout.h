#pragma once
#include <cstdint>
#include <string>

/**
 * The structures of a zip archive, byte for byte as PyTorch's `torch.save` lays them out; each function appends to
 * `out`. Source: caffe2/serialize/inline_container.cc and third_party/miniz-3.0.2/miniz.c, PyTorch 2.13 (cf30153c);
 * fields are called as in PKWARE's APPNOTE.TXT 6.3.10.
 */
namespace libtorch_node {

constexpr uint32_t kDataDescriptor = 0x08074b50;

/** What the directory says of a record. */
struct ZipRecord {
  /** with the folder */
  std::string name;
  /** of the local header */
  uint64_t offset;
  uint64_t size;
  uint32_t crc = 0;
};

/** What comes before a record's data, which then begin at a multiple of 64 bytes. */
void append_local_header(std::string& out, const ZipRecord& record);

/** What comes after a record's data. */
void append_data_descriptor(std::string& out, const ZipRecord& record);

void append_directory_entry(std::string& out, const ZipRecord& record);

/** What comes after the directory, which has this place, this size, and entries for this many records. */
void append_end(std::string& out, uint64_t offset, uint64_t size, uint64_t records);

}  // namespace libtorch_node
