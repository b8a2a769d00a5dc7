#pragma once
#include <caffe2/serialize/inline_container.h>

#include <memory>
#include <string>
#include <vector>

/**
 * Where an archive's bytes come from. A file is read with pread(), so that any number of threads may read it at once
 * and one that shrinks meanwhile is an error and not a crash. Bytes given by JavaScript may be detached at any time:
 * their address is fetched anew for every call, and they are never read off the JavaScript thread.
 */
namespace libtorch_node {

class Source : public caffe2::serialize::ReadAdapterInterface {
 public:
  /** Reads exactly `n` bytes; throws ERR_CHECKPOINT_FORMAT when there are fewer. */
  void read_exactly(uint64_t position, void* buffer, size_t n) const;
};

class FileSource final : public Source {
 public:
  explicit FileSource(const std::string& path);
  ~FileSource() override;
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;
  size_t size() const override { return size_; }
  size_t read(uint64_t position, void* buffer, size_t n, const char* what) const override;
  int fd() const { return fd_; }

 private:
  int fd_;
  size_t size_;
};

class BytesSource final : public Source {
 public:
  void set(const uint8_t* data, size_t size) {
    data_ = data;
    size_ = size;
  }
  size_t size() const override { return size_; }
  size_t read(uint64_t position, void* buffer, size_t n, const char* what) const override;

 private:
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

/** 'ENOSPC: No space left on device, write' for the error of a system call. */
std::string system_error(int error, const char* call);

}  // namespace libtorch_node
