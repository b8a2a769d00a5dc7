// Locks of files that the system frees when their process ends, however it ends.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <utility>

#include "core/convert.h"
#include "core/function.h"
#include "core/handle.h"
#include "serialize/source.h"

namespace libtorch_node {

namespace {

using Info = Napi::CallbackInfo;

class FileLock {
 public:
  explicit FileLock(int fd) : fd_(fd) {}
  ~FileLock() { release(); }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  void release() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

Napi::Value lock_file(const Info& info) {
  const int fd = open(to_string(info[0], "path").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) fail("ERR_CHECKPOINT_WRITE", system_error(errno, "open"));
  auto lock = std::make_shared<FileLock>(fd);
  int result = 0;
  do {
    result = flock(fd, LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    if (errno == EWOULDBLOCK) return info.Env().Null();
    fail("ERR_CHECKPOINT_WRITE", system_error(errno, "flock"));
  }
  return make_handle(info.Env(), std::move(lock));
}

Napi::Value unlock_file(const Info& info) {
  unwrap<FileLock>(info[0], "file lock")->release();
  return info.Env().Undefined();
}

}  // namespace

void init_lock(Napi::Object exports) {
  export_function<lock_file>(exports, "lockFile");
  export_function<unlock_file>(exports, "unlockFile");
}

}  // namespace libtorch_node
