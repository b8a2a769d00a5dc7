#pragma once
#include <c10/core/Storage.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

namespace libtorch_node {

/**
 * A zip archive, written front to back: the same bytes that LibTorch's `PyTorchStreamWriter` writes for the same
 * records, but with a CRC that costs a fraction of the time, and errors that keep the system's code. Any thread may
 * call it, one call at a time goes through.
 */
class ZipWriter {
 public:
  /** Makes the file, which must not exist. */
  explicit ZipWriter(const std::string& path);
  ~ZipWriter() { give_up(); }
  ZipWriter(const ZipWriter&) = delete;
  ZipWriter& operator=(const ZipWriter&) = delete;

  void write(const std::string& name, const void* data, size_t nbytes);
  void write(const std::string& name, const c10::Storage& storage);
  /** Writes the end of the archive, flushes it to the disk, and closes the file. */
  void finish();
  /** Closes the file as it is. */
  void give_up();

 private:
  void check_open() const;
  void add(const std::string& name, std::string_view data);
  uint32_t put_data(std::string_view data);
  void put(std::string_view bytes);
  void flush();
  void write_out(std::string_view bytes);
  std::string serialization_id() const;
  uint64_t position() const { return written_ + pending_.size(); }
  [[noreturn]] void fail_with(int error, const char* call);
  [[noreturn]] void fail_again() const;

  int fd_;
  std::mutex lock_;
  /** as LibTorch has them: the serialization id depends on the order of this set */
  std::unordered_set<std::string> names_;
  uint64_t combined_crc_ = 0;
  std::string directory_;
  uint64_t written_ = 0;
  /** what comes after that */
  std::string pending_;
  int error_ = 0;
  const char* failed_call_ = nullptr;
};

/** Writes all of `n` bytes to an open file; the number of the system's error, or 0. */
int write_all(int fd, const void* data, size_t n);

}  // namespace libtorch_node
