#include "serialize/zip_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "serialize/source.h"
#include "serialize/storage.h"

namespace libtorch_node {

using caffe2::serialize::PyTorchStreamWriter;

namespace {

constexpr size_t kBuffer = 1 << 20;

}  // namespace

int write_all(int fd, const void* data, size_t n) {
  size_t done = 0;
  while (done < n) {
    const auto put = ::write(fd, static_cast<const char*>(data) + done, n - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno;
    done += static_cast<size_t>(put);
  }
  return 0;
}

ZipWriter::ZipWriter(const std::string& path) : fd_(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
  if (fd_ < 0) fail("ERR_CHECKPOINT_WRITE", system_error(errno, "open"));
  writer_ = std::make_unique<PyTorchStreamWriter>(
      [this](const void* data, size_t n) { return error_ == 0 && put(data, n) ? n : 0; });
}

void ZipWriter::write(const std::string& name, const void* data, size_t nbytes) {
  std::lock_guard guard(lock_);
  if (writer_ == nullptr) fail("ERR_DISPOSED", "this zip writer is closed");
  checked([&] { writer_->writeRecord(name, data, nbytes); });
}

void ZipWriter::write(const std::string& name, const c10::Storage& storage) {
  const auto data = storage_on_cpu(storage);
  write(name, data.data(), data.nbytes());
}

void ZipWriter::finish() {
  std::lock_guard guard(lock_);
  if (writer_ == nullptr) fail("ERR_DISPOSED", "this zip writer is closed");
  checked([&] { writer_->writeEndOfFile(); });
  writer_.reset();
  if (!flush()) fail_write();
  if (fsync(fd_) != 0) {
    error_ = errno;
    call_ = "fsync";
    fail_write();
  }
  const int result = close(std::exchange(fd_, -1));
  if (result != 0) fail("ERR_CHECKPOINT_WRITE", system_error(errno, "close"));
}

void ZipWriter::give_up() {
  std::lock_guard guard(lock_);
  discard_ = true;
  if (writer_ != nullptr && !writer_->finalized()) {
    try {
      writer_->writeEndOfFile();
    } catch (...) {
    }
  }
  writer_.reset();
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

template <class Body>
void ZipWriter::checked(Body&& body) {
  try {
    body();
  } catch (const c10::Error& e) {
    if (error_ != 0) fail_write();
    fail("ERR_CHECKPOINT_WRITE", e.what_without_backtrace());
  }
  if (error_ != 0) fail_write();
}

void ZipWriter::fail_write() { fail("ERR_CHECKPOINT_WRITE", system_error(error_, call_)); }

bool ZipWriter::put(const void* data, size_t n) {
  // an empty record may have no address, which memcpy() may not be given
  if (discard_ || n == 0) return true;
  if (used_ + n <= kBuffer) {
    if (buffer_.empty()) buffer_.resize(kBuffer);
    std::memcpy(buffer_.data() + used_, data, n);
    used_ += n;
    return true;
  }
  return flush() && (n < kBuffer ? put(data, n) : write_out(data, n));
}

bool ZipWriter::flush() {
  const size_t n = std::exchange(used_, 0);
  return write_out(buffer_.data(), n);
}

bool ZipWriter::write_out(const void* data, size_t n) {
  error_ = write_all(fd_, data, n);
  return error_ == 0;
}

}  // namespace libtorch_node
