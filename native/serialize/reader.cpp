// Reads records of zip archives. LibTorch's reader knows the directory; records that are not compressed, which is all
// that PyTorch writes, are read around it: straight into the storage, in pieces, by several threads at once.
#include <ATen/ops/empty.h>
#include <c10/core/Storage.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "core/async.h"
#include "core/convert.h"
#include "core/function.h"
#include "core/handle.h"
#include "core/memory.h"
#include "serialize/mapping.h"
#include "serialize/source.h"
#include "serialize/storage.h"
#include "serialize/transfer.h"

namespace libtorch_node {

namespace {

using Info = Napi::CallbackInfo;
using caffe2::serialize::PyTorchStreamReader;

constexpr char kBytes[] = "bytes";
constexpr size_t kPiece = 4 << 20;

/** Says ERR_CHECKPOINT_FORMAT for what LibTorch finds wrong with an archive. */
template <class Body>
auto reading(Body&& body) {
  try {
    return body();
  } catch (const c10::Error& e) {
    fail("ERR_CHECKPOINT_FORMAT", e.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const Failure&) {
    throw;
  } catch (const std::exception& e) {
    fail("ERR_CHECKPOINT_FORMAT", e.what());
  }
}

/** Reads small things that lie side by side with few calls of the system. For one thread at a time. */
class Window {
 public:
  explicit Window(const Source& source) : source_(source) {}
  void read_exactly(uint64_t position, void* out, size_t n) {
    if (n > kMost) return source_.read_exactly(position, out, n);
    if (position < start_ || position - start_ > bytes_.size() || n > bytes_.size() - (position - start_)) {
      // what lies behind the end is the caller's error and not ours
      const auto rest = position < source_.size() ? source_.size() - position : 0;
      bytes_.resize(std::max<size_t>(n, std::min<uint64_t>(rest, kWindow)));
      start_ = position;
      try {
        source_.read_exactly(position, bytes_.data(), bytes_.size());
      } catch (...) {
        bytes_.clear();
        throw;
      }
    }
    std::memcpy(out, bytes_.data() + (position - start_), n);
  }
  static constexpr size_t kMost = 16 << 10;

 private:
  static constexpr size_t kWindow = 256 << 10;
  const Source& source_;
  std::vector<char> bytes_;
  uint64_t start_ = 0;
};

/** An open archive. Work off the thread shares it, so that closing the handle meanwhile takes nothing from under it. */
struct Archive {
  explicit Archive(std::shared_ptr<Source> s) : source(std::move(s)), reader(source) {}
  std::shared_ptr<Source> source;
  PyTorchStreamReader reader;
};

struct ZipReader {
  std::shared_ptr<BytesSource> bytes;
  std::shared_ptr<Archive> archive;
};

void refresh(BytesSource& source, const Napi::Value& value) {
  auto array = value.As<Napi::Uint8Array>();
  source.set(array.Data(), array.ByteLength());
}

std::shared_ptr<Archive> archive_of(const Napi::Value& value) {
  auto& reader = *unwrap<ZipReader>(value, "zip reader");
  if (reader.archive == nullptr) fail("ERR_DISPOSED", "this zip reader was closed");
  if (reader.bytes) refresh(*reader.bytes, value.As<Napi::Object>().Get(kBytes));
  return reader.archive;
}

/** One record, and the memory that it goes to. */
struct Job {
  std::string name;
  size_t nbytes;
  size_t swap;
  c10::Storage storage;
  /** where the data begins in the archive; unset for a compressed record */
  std::optional<uint64_t> position;
  bool read = false;
};

size_t record_size(Archive& archive, const std::string& name) {
  return reading([&] { return archive.reader.getRecordSize(name); });
}

/** Where a record that is not compressed begins, from its own header. */
std::optional<uint64_t> stored_position(Archive& archive, const std::string& name, Window& window) {
  const auto header_at = reading([&] { return archive.reader.getRecordHeaderOffset(name); });
  uint8_t header[30];
  window.read_exactly(header_at, header, sizeof(header));
  const auto u16 = [&](int at) { return static_cast<unsigned>(header[at] | header[at + 1] << 8); };
  if (header[0] != 'P' || header[1] != 'K' || header[2] != 3 || header[3] != 4) {
    fail("ERR_CHECKPOINT_FORMAT", "record " + name + " has no header where the archive's directory says");
  }
  if (u16(8) != 0) return std::nullopt;
  return header_at + sizeof(header) + u16(26) + u16(28);
}

/** A record that is asked for. */
struct Request {
  std::string name;
  size_t nbytes, swap;
};

std::vector<Request> requests_of(const Napi::Value& value) {
  if (!value.IsArray()) fail_argument("expected an array of records");
  auto list = value.As<Napi::Array>();
  std::vector<Request> requests;
  for (uint32_t i = 0; i < list.Length(); ++i) {
    auto record = Napi::Value(list.Get(i)).As<Napi::Object>();
    requests.push_back({to_string(record.Get("name"), "name"),
                        static_cast<size_t>(to_int(record.Get("nbytes"), "nbytes")),
                        static_cast<size_t>(to_int(record.Get("swap"), "swap"))});
  }
  return requests;
}

/** Checks a record, and where it is. */
std::optional<uint64_t> find_record(Archive& archive, const std::string& name, size_t nbytes, Window& window) {
  const auto size = record_size(archive, name);
  if (size != nbytes) {
    fail("ERR_CHECKPOINT_FORMAT",
         "record " + name + " has " + std::to_string(size) + " bytes; " + std::to_string(nbytes) + " are expected");
  }
  const auto position = stored_position(archive, name, window);
  if (position && (*position > archive.source->size() || nbytes > archive.source->size() - *position)) {
    fail("ERR_CHECKPOINT_FORMAT", "record " + name + " reaches beyond the end of the archive");
  }
  return position;
}

/** The storage of a record; a small one is read at once. */
Job prepare(Archive& archive, const Request& request, Window& window) {
  const auto& [name, nbytes, swap] = request;
  const auto position = find_record(archive, name, nbytes, window);
  Job job = {name, nbytes, swap, new_storage(nbytes), position};
  if (position && nbytes <= Window::kMost) {
    if (nbytes > 0) window.read_exactly(*position, job.storage.mutable_data(), nbytes);
    job.read = true;
  }
  return job;
}

void swap_bytes(const Job& job) {
  if (job.swap < 2) return;
  auto* data = static_cast<char*>(job.storage.mutable_data());
  for (size_t at = 0; at + job.swap <= job.nbytes; at += job.swap) std::reverse(data + at, data + at + job.swap);
}

/** Reads all jobs with up to `threads` threads; big records are shared among them. */
void read_all(Archive& archive, const std::vector<Job>& jobs, size_t threads, Transfer* transfer = nullptr) {
  struct Piece {
    const Job* job;
    size_t from, count;
  };
  std::vector<Piece> pieces;
  for (const auto& job : jobs) {
    if (job.read) {
      if (transfer != nullptr) transfer->moved(job.nbytes);
      continue;
    }
    const size_t step = job.position ? kPiece : std::max<size_t>(job.nbytes, 1);
    for (size_t from = 0; from < job.nbytes; from += step)
      pieces.push_back({&job, from, std::min(step, job.nbytes - from)});
  }
  std::atomic<size_t> next = 0;
  std::mutex lock;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (size_t i; (i = next++) < pieces.size();) {
        const auto& [job, from, count] = pieces[i];
        auto* data = static_cast<char*>(job->storage.mutable_data()) + from;
        if (job->position) {
          archive.source->read_exactly(*job->position + from, data, count);
        } else {
          reading([&] { return archive.reader.getRecord(job->name, data, count); });
        }
        if (transfer != nullptr) transfer->moved(count);
      }
    } catch (...) {
      next = pieces.size();
      std::lock_guard guard(lock);
      if (!failure) failure = std::current_exception();
    }
  };
  std::vector<std::thread> helpers;
  for (size_t i = 1; i < std::min(threads, pieces.size()); ++i) {
    // no more threads to be had: those that there are do the work
    try {
      helpers.emplace_back(work);
    } catch (const std::system_error&) {
      break;
    }
  }
  work();
  for (auto& helper : helpers) helper.join();
  if (failure) std::rethrow_exception(failure);
  for (const auto& job : jobs) swap_bytes(job);
}

size_t reading_threads(size_t nbytes) {
  // asking the system opens a file
  static const size_t processors = std::max(1u, std::thread::hardware_concurrency());
  return std::min<size_t>({nbytes / kPiece + 1, processors, 8});
}

Napi::Value open_reader(const Info& info) {
  auto reader = std::make_shared<ZipReader>();
  std::shared_ptr<Source> source;
  if (info[0].IsString()) {
    source = std::make_shared<FileSource>(to_string(info[0], "path"));
  } else {
    if (!info[0].IsTypedArray()) fail_argument("expected a path or a Uint8Array");
    reader->bytes = std::make_shared<BytesSource>();
    refresh(*reader->bytes, info[0]);
    source = reader->bytes;
  }
  reader->archive = reading([&] { return std::make_shared<Archive>(source); });
  auto handle = make_handle(info.Env(), reader);
  // keeps the bytes alive for as long as the handle
  if (reader->bytes) handle.As<Napi::Object>().Set(kBytes, info[0]);
  return handle;
}

Napi::Value reader_records(const Info& info) {
  auto archive = archive_of(info[0]);
  const auto names = reading([&] { return archive->reader.getAllRecords(); });
  auto array = Napi::Array::New(info.Env(), names.size());
  for (uint32_t i = 0; i < names.size(); ++i) array.Set(i, Napi::String::New(info.Env(), names[i]));
  return array;
}

Napi::Value read_record(const Info& info) {
  auto archive = archive_of(info[0]);
  const auto name = to_string(info[1], "record name");
  auto bytes = Napi::Uint8Array::New(info.Env(), record_size(*archive, name));
  reading([&] { return archive->reader.getRecord(name, bytes.Data(), bytes.ByteLength()); });
  return bytes;
}

Napi::Value record_size_or_none(const Info& info) {
  auto archive = archive_of(info[0]);
  const auto name = to_string(info[1], "record name");
  const bool there = reading([&] { return archive->reader.hasRecord(name); });
  return Napi::Number::New(info.Env(), there ? static_cast<double>(record_size(*archive, name)) : -1.0);
}

/** The memory that records will take is made room for, here, where JavaScript runs. */
void make_room(Napi::Env env, const std::vector<Request>& requests) {
  size_t total = 0;
  for (const auto& request : requests) total += request.nbytes;
  account_ahead(env, static_cast<int64_t>(std::min<size_t>(total, INT64_MAX)));
}

std::vector<Job> read_requests(Archive& archive, const std::vector<Request>& requests, Transfer* transfer = nullptr) {
  std::vector<Job> jobs;
  jobs.reserve(requests.size());
  size_t total = 0;
  Window window(*archive.source);
  for (const auto& request : requests) {
    jobs.push_back(prepare(archive, request, window));
    total += request.nbytes;
  }
  read_all(archive, jobs, reading_threads(total), transfer);
  return jobs;
}

Napi::Value wrap_storages(Napi::Env env, const std::vector<Job>& jobs) {
  auto storages = Napi::Array::New(env, jobs.size());
  for (uint32_t i = 0; i < jobs.size(); ++i) storages.Set(i, wrap_storage(env, jobs[i].storage));
  return storages;
}

Napi::Value read_storages(const Info& info) {
  auto archive = archive_of(info[0]);
  const auto requests = requests_of(info[1]);
  make_room(info.Env(), requests);
  return wrap_storages(info.Env(), read_requests(*archive, requests));
}

Napi::Value read_storages_async(const Info& info) {
  auto archive = archive_of(info[0]);
  auto jobs = std::make_shared<std::vector<Job>>();
  auto requests = requests_of(info[1]);
  make_room(info.Env(), requests);
  const auto read = [archive, jobs, requests = std::move(requests), transfer = transfer_of(info[2])] {
    *jobs = read_requests(*archive, requests, transfer.get());
  };
  const auto finish = [jobs](Napi::Env env) -> Napi::Value { return wrap_storages(env, *jobs); };
  // bytes of JavaScript are read here and now, see source.h
  if (unwrap<ZipReader>(info[0], "zip reader")->bytes) {
    read();
    auto deferred = Napi::Promise::Deferred::New(info.Env());
    deferred.Resolve(finish(info.Env()));
    return deferred.Promise();
  }
  return run_async(info.Env(), read, finish);
}

Napi::Value map_storages(const Info& info) {
  auto archive = archive_of(info[0]);
  const auto* file = dynamic_cast<const FileSource*>(archive->source.get());
  if (file == nullptr) fail_argument("only a file can be mapped");
  const auto mapping = std::make_shared<Mapping>(file->fd(), file->size());
  const auto requests = requests_of(info[1]);
  Window window(*archive->source);
  auto storages = Napi::Array::New(info.Env(), requests.size());
  for (uint32_t i = 0; i < requests.size(); ++i) {
    const auto& [name, nbytes, swap] = requests[i];
    const auto position = find_record(*archive, name, nbytes, window);
    if (!position) {
      storages.Set(i, info.Env().Null());
      continue;
    }
    const Job job = {name, nbytes, swap, Mapping::storage(mapping, *position, nbytes), position};
    swap_bytes(job);
    storages.Set(i, wrap_storage(info.Env(), job.storage));
  }
  return storages;
}

Napi::Value close_reader(const Info& info) {
  unwrap<ZipReader>(info[0], "zip reader")->archive.reset();
  return info.Env().Undefined();
}

}  // namespace

void init_reader(Napi::Object exports) {
  export_function<open_reader>(exports, "openReader");
  export_function<reader_records>(exports, "readerRecords");
  export_function<read_record>(exports, "readRecord");
  export_function<record_size_or_none>(exports, "recordSize");
  export_function<read_storages>(exports, "readStorages");
  export_function<read_storages_async>(exports, "readStoragesAsync");
  export_function<map_storages>(exports, "mapStorages");
  export_function<close_reader>(exports, "closeReader");
}

}  // namespace libtorch_node
