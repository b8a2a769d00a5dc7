#pragma once
#include <c10/core/Storage.h>
#include <caffe2/serialize/inline_container.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace libtorch_node {

/**
 * A zip archive that LibTorch's writer writes front to back onto a file of our own, whose errors are kept with the
 * system's code. That writer finishes the archive in its destructor and may throw there, which ends the process; so it
 * is always finished here first, into nothing when the file is given up. Any thread may call it, one call at a time
 * goes through.
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
  template <class Body>
  void checked(Body&& body);
  [[noreturn]] void fail_write();
  bool put(const void* data, size_t n);
  bool flush();
  bool write_out(const void* data, size_t n);

  int fd_;
  std::mutex lock_;
  std::unique_ptr<caffe2::serialize::PyTorchStreamWriter> writer_;
  std::vector<char> buffer_;
  size_t used_ = 0;
  int error_ = 0;
  const char* call_ = "write";
  bool discard_ = false;
};

/** Writes all of `n` bytes to an open file; the number of the system's error, or 0. */
int write_all(int fd, const void* data, size_t n);

}  // namespace libtorch_node
