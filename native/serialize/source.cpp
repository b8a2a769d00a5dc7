#include "serialize/source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace libtorch_node {

std::string system_error(int error, const char* call) {
  static constexpr std::pair<int, const char*> kNames[] = {
      {EACCES, "EACCES"}, {EBADF, "EBADF"},   {EDQUOT, "EDQUOT"},
      {EEXIST, "EEXIST"}, {EFBIG, "EFBIG"},   {EINVAL, "EINVAL"},
      {EIO, "EIO"},       {EISDIR, "EISDIR"}, {ELOOP, "ELOOP"},
      {EMFILE, "EMFILE"}, {ENFILE, "ENFILE"}, {ENOENT, "ENOENT"},
      {ENOMEM, "ENOMEM"}, {ENOSPC, "ENOSPC"}, {ENOTDIR, "ENOTDIR"},
      {EPERM, "EPERM"},   {EROFS, "EROFS"},   {ENAMETOOLONG, "ENAMETOOLONG"},
  };
  const auto* known = std::find_if(std::begin(kNames), std::end(kNames), [&](auto& row) { return row.first == error; });
  const auto name = known == std::end(kNames) ? "E" + std::to_string(error) : std::string(known->second);
  return name + ": " + std::strerror(error) + ", " + call;
}

void Source::read_exactly(uint64_t position, void* buffer, size_t n) const {
  if (position > size() || n > size() - position || read(position, buffer, n, "") != n) {
    fail("ERR_CHECKPOINT_FORMAT", "the archive is truncated: a record reaches beyond its end");
  }
}

FileSource::FileSource(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (fd_ < 0) fail("ERR_CHECKPOINT_FORMAT", system_error(errno, "open"));
  struct stat info;
  if (fstat(fd_, &info) != 0) {
    const int error = errno;
    close(fd_);
    fail("ERR_CHECKPOINT_FORMAT", system_error(error, "fstat"));
  }
  size_ = static_cast<size_t>(info.st_size);
}

FileSource::~FileSource() { close(fd_); }

size_t FileSource::read(uint64_t position, void* buffer, size_t n, const char*) const {
  size_t done = 0;
  while (done < n) {
    const auto got = pread(fd_, static_cast<char*>(buffer) + done, n - done, static_cast<off_t>(position + done));
    if (got < 0 && errno == EINTR) continue;
    // an error reads as a short file, which the caller reports
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

size_t BytesSource::read(uint64_t position, void* buffer, size_t n, const char*) const {
  if (position >= size_) return 0;
  const auto count = std::min<uint64_t>(n, size_ - position);
  std::memcpy(buffer, data_ + position, count);
  return count;
}

}  // namespace libtorch_node
