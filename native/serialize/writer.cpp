// Writes zip archives through LibTorch's writer onto a file of our own, whose errors are kept with the system's code.
#include <caffe2/serialize/inline_container.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "core/async.h"
#include "core/convert.h"
#include "core/function.h"
#include "core/handle.h"
#include "serialize/source.h"
#include "serialize/storage.h"
#include "serialize/transfer.h"

namespace libtorch_node {

namespace {

using Info = Napi::CallbackInfo;
using caffe2::serialize::PyTorchStreamWriter;

/**
 * A file that is written front to back. LibTorch's writer finishes the archive in its destructor and may throw there,
 * which ends the process; so it is always finished here first, into nothing when the file is given up.
 */
class ZipWriter {
 public:
  explicit ZipWriter(const std::string& path) : fd_(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
    if (fd_ < 0) fail("ERR_CHECKPOINT_WRITE", system_error(errno, "open"));
    writer_ = std::make_unique<PyTorchStreamWriter>(
        [this](const void* data, size_t n) { return error_ == 0 && put(data, n) ? n : 0; });
  }
  ~ZipWriter() { give_up(); }
  ZipWriter(const ZipWriter&) = delete;
  ZipWriter& operator=(const ZipWriter&) = delete;

  void write(const std::string& name, const void* data, size_t nbytes) {
    std::lock_guard guard(lock_);
    if (writer_ == nullptr) fail("ERR_DISPOSED", "this zip writer is closed");
    checked([&] { writer_->writeRecord(name, data, nbytes); });
  }

  void finish() {
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

  void give_up() {
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

 private:
  static constexpr size_t kBuffer = 1 << 20;

  template <class Body>
  void checked(Body&& body) {
    try {
      body();
    } catch (const c10::Error& e) {
      if (error_ != 0) fail_write();
      fail("ERR_CHECKPOINT_WRITE", e.what_without_backtrace());
    }
    if (error_ != 0) fail_write();
  }

  [[noreturn]] void fail_write() { fail("ERR_CHECKPOINT_WRITE", system_error(error_, call_)); }

  bool put(const void* data, size_t n) {
    if (discard_) return true;
    if (used_ + n <= kBuffer) {
      if (buffer_.empty()) buffer_.resize(kBuffer);
      std::memcpy(buffer_.data() + used_, data, n);
      used_ += n;
      return true;
    }
    return flush() && (n < kBuffer ? put(data, n) : write_out(data, n));
  }
  bool flush() {
    const size_t n = std::exchange(used_, 0);
    return write_out(buffer_.data(), n);
  }
  bool write_out(const void* data, size_t n) {
    size_t done = 0;
    while (done < n) {
      const auto put = ::write(fd_, static_cast<const char*>(data) + done, n - done);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) {
        error_ = errno;
        return false;
      }
      done += static_cast<size_t>(put);
    }
    return true;
  }

  int fd_;
  std::mutex lock_;
  std::unique_ptr<PyTorchStreamWriter> writer_;
  std::vector<char> buffer_;
  size_t used_ = 0;
  int error_ = 0;
  const char* call_ = "write";
  bool discard_ = false;
};

std::shared_ptr<ZipWriter> writer_of(const Napi::Value& value) { return unwrap<ZipWriter>(value, "zip writer"); }

Napi::Value open_writer(const Info& info) {
  return make_handle(info.Env(), std::make_shared<ZipWriter>(to_string(info[0], "path")));
}

Napi::Value write_record(const Info& info) {
  if (!info[2].IsTypedArray()) fail_argument("expected a Uint8Array");
  auto bytes = info[2].As<Napi::Uint8Array>();
  writer_of(info[0])->write(to_string(info[1], "record name"), bytes.Data(), bytes.ByteLength());
  return info.Env().Undefined();
}

void write_one(ZipWriter& writer, const std::string& name, const c10::Storage& storage) {
  const auto data = storage_on_cpu(storage);
  writer.write(name, data.data(), data.nbytes());
}

Napi::Value write_storage(const Info& info) {
  write_one(*writer_of(info[0]), to_string(info[1], "record name"), unwrap_storage(info[2]));
  return info.Env().Undefined();
}

Napi::Value write_storages_async(const Info& info) {
  if (!info[1].IsArray()) fail_argument("expected an array of records");
  auto list = info[1].As<Napi::Array>();
  std::vector<std::pair<std::string, c10::Storage>> records;
  for (uint32_t i = 0; i < list.Length(); ++i) {
    auto record = Napi::Value(list.Get(i)).As<Napi::Object>();
    records.emplace_back(to_string(record.Get("name"), "name"), unwrap_storage(record.Get("storage")));
  }
  return run_async(info.Env(),
                   [writer = writer_of(info[0]), records = std::move(records), transfer = transfer_of(info[2])] {
                     for (const auto& [name, storage] : records) {
                       write_one(*writer, name, storage);
                       if (transfer) transfer->moved(storage.nbytes());
                     }
                   });
}

Napi::Value finish_writer(const Info& info) {
  writer_of(info[0])->finish();
  return info.Env().Undefined();
}

Napi::Value finish_writer_async(const Info& info) {
  return run_async(info.Env(), [writer = writer_of(info[0])] { writer->finish(); });
}

Napi::Value abort_writer(const Info& info) {
  writer_of(info[0])->give_up();
  return info.Env().Undefined();
}

}  // namespace

void init_writer(Napi::Object exports) {
  export_function<open_writer>(exports, "openWriter");
  export_function<write_record>(exports, "writeRecord");
  export_function<write_storage>(exports, "writeStorage");
  export_function<write_storages_async>(exports, "writeStoragesAsync");
  export_function<finish_writer>(exports, "finishWriter");
  export_function<finish_writer_async>(exports, "finishWriterAsync");
  export_function<abort_writer>(exports, "abortWriter");
}

}  // namespace libtorch_node
