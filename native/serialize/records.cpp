// Storages of a zip archive. LibTorch's reader knows the directory; records that are not compressed, which is all that
// PyTorch writes, are read around it: straight into the storage, in pieces, by several threads at once.

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
#include "core/tensor.h"
#include "serialize/archive.h"
#include "serialize/mapping.h"
#include "serialize/source.h"
#include "serialize/storage.h"
#include "serialize/transfer.h"

namespace libtorch_node {

namespace {

using Info = Napi::CallbackInfo;

constexpr size_t kPiece = 4 << 20;

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

/** Records of one archive, and the storages that become of them. */
struct Records {
  struct Record {
    std::string name;
    size_t nbytes = 0;
    c10::Storage storage = {};
  };
  std::vector<Record> list;
};

/** A record that is read, and where it goes. */
struct Job {
  size_t index;
  const std::string& name;
  size_t nbytes;
  size_t swap;
  c10::Storage storage;
  /** where the data begins in the archive; unset for a compressed record */
  std::optional<uint64_t> position;
  bool read = false;
};

/** Which records are meant, and the sizes of the units whose bytes are to be reversed, one for each of all records. */
struct Chosen {
  std::vector<uint32_t> indices;
  std::vector<uint8_t> swaps;
};

std::shared_ptr<Records>& records_of(const Napi::Value& value) { return unwrap<Records>(value, "set of records"); }

Records::Record& record_at(Records& records, const Napi::Value& value) {
  const auto index = to_int(value, "index");
  if (index < 0 || static_cast<size_t>(index) >= records.list.size()) fail_argument("there is no such record");
  return records.list[static_cast<size_t>(index)];
}

Chosen chosen_of(const Records& records, const Napi::Value& indices, const Napi::Value& swaps) {
  const auto is = [](const Napi::Value& value, napi_typedarray_type type) {
    return value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == type;
  };
  if (!is(indices, napi_uint32_array) || !is(swaps, napi_uint8_array)) {
    fail_argument("expected a Uint32Array of records and a Uint8Array of units");
  }
  auto which = indices.As<Napi::Uint32Array>();
  auto units = swaps.As<Napi::Uint8Array>();
  Chosen chosen{{which.Data(), which.Data() + which.ElementLength()},
                {units.Data(), units.Data() + units.ElementLength()}};
  if (chosen.swaps.size() != records.list.size()) fail_argument("expected a unit for each record");
  for (const auto index : chosen.indices) {
    if (index >= records.list.size()) fail_argument("there is no such record");
  }
  return chosen;
}

/** Where a record that is not compressed begins, from its own header. */
std::optional<uint64_t> position_of(Archive& archive, const Records::Record& record, Window& window) {
  const auto& [name, nbytes, _] = record;
  const auto header_at = reading([&] { return archive.reader.getRecordHeaderOffset(name); });
  uint8_t header[30];
  window.read_exactly(header_at, header, sizeof(header));
  const auto u16 = [&](int at) { return static_cast<unsigned>(header[at] | header[at + 1] << 8); };
  if (header[0] != 'P' || header[1] != 'K' || header[2] != 3 || header[3] != 4) {
    fail("ERR_CHECKPOINT_FORMAT", "record " + name + " has no header where the archive's directory says");
  }
  if (u16(8) != 0) return std::nullopt;
  const auto position = header_at + sizeof(header) + u16(26) + u16(28);
  const auto size = archive.source->size();
  if (position > size || nbytes > size - position) {
    fail("ERR_CHECKPOINT_FORMAT", "record " + name + " reaches beyond the end of the archive");
  }
  return position;
}

/** A small record is read at once. */
Job prepare(Archive& archive, const Records& records, size_t index, size_t swap, Window& window) {
  const auto& record = records.list[index];
  const auto position = position_of(archive, record, window);
  Job job{index, record.name, record.nbytes, swap, new_storage(record.nbytes), position};
  if (position && record.nbytes <= Window::kMost) {
    if (record.nbytes > 0) window.read_exactly(*position, job.storage.mutable_data(), record.nbytes);
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

void make_room_for(Napi::Env env, const Records& records, const Chosen& chosen) {
  size_t total = 0;
  for (const auto index : chosen.indices) total += records.list[index].nbytes;
  make_room(env, static_cast<int64_t>(std::min<size_t>(total, INT64_MAX)));
}

std::vector<Job> read_chosen(Archive& archive, const Records& records, const Chosen& chosen,
                             Transfer* transfer = nullptr) {
  std::vector<Job> jobs;
  jobs.reserve(chosen.indices.size());
  size_t total = 0;
  Window window(*archive.source);
  for (const auto index : chosen.indices) {
    jobs.push_back(prepare(archive, records, index, chosen.swaps[index], window));
    total += jobs.back().nbytes;
  }
  read_all(archive, jobs, reading_threads(total), transfer);
  return jobs;
}

void keep(Records& records, std::vector<Job>& jobs) {
  for (auto& job : jobs) records.list[job.index].storage = std::move(job.storage);
}

Napi::Value find_records(const Info& info) {
  auto archive = archive_of(info[0]);
  const auto prefix = to_string(info[1], "prefix");
  if (!info[2].IsArray() || !info[3].IsTypedArray()) fail_argument("expected an array of keys and one for their sizes");
  auto keys = info[2].As<Napi::Array>();
  auto sizes = info[3].As<Napi::Float64Array>();
  const auto count = keys.Length();
  if (sizes.ElementLength() != count) fail_argument("expected as many sizes as keys");
  auto records = std::make_shared<Records>();
  records->list.reserve(count);
  std::fill_n(sizes.Data(), count, -1.0);
  for (uint32_t i = 0; i < count; ++i) {
    const Napi::HandleScope scope(info.Env());
    auto name = prefix + to_string(keys.Get(i), "key");
    size_t nbytes = 0;
    const bool there = reading([&] {
      try {
        nbytes = archive->reader.getRecordSize(name);
        return true;
      } catch (const c10::Error&) {
        // to ask beforehand would take as long again
        if (archive->reader.hasRecord(name)) throw;
        return false;
      }
    });
    if (!there) break;
    sizes[i] = static_cast<double>(nbytes);
    records->list.push_back({std::move(name), nbytes});
  }
  return make_handle(info.Env(), std::move(records));
}

Napi::Value read_records(const Info& info) {
  auto archive = archive_of(info[0]);
  auto records = records_of(info[1]);
  const auto chosen = chosen_of(*records, info[2], info[3]);
  make_room_for(info.Env(), *records, chosen);
  auto jobs = read_chosen(*archive, *records, chosen);
  keep(*records, jobs);
  account(info.Env());
  return info.Env().Undefined();
}

Napi::Value read_records_async(const Info& info) {
  auto archive = archive_of(info[0]);
  auto records = records_of(info[1]);
  auto chosen = chosen_of(*records, info[2], info[3]);
  make_room_for(info.Env(), *records, chosen);
  auto jobs = std::make_shared<std::vector<Job>>();
  const auto read = [archive, records, jobs, chosen = std::move(chosen), transfer = transfer_of(info[4])] {
    *jobs = read_chosen(*archive, *records, chosen, transfer.get());
  };
  const auto finish = [records, jobs](Napi::Env env) -> Napi::Value {
    keep(*records, *jobs);
    account(env);
    return env.Undefined();
  };
  // bytes of JavaScript are read here and now, see source.h
  if (dynamic_cast<const FileSource*>(archive->source.get()) == nullptr) {
    read();
    auto deferred = Napi::Promise::Deferred::New(info.Env());
    deferred.Resolve(finish(info.Env()));
    return deferred.Promise();
  }
  return run_async(info.Env(), read, finish);
}

Napi::Value map_records(const Info& info) {
  auto archive = archive_of(info[0]);
  const auto* file = dynamic_cast<const FileSource*>(archive->source.get());
  if (file == nullptr) fail_argument("only a file can be mapped");
  const auto records = records_of(info[1]);
  const auto chosen = chosen_of(*records, info[2], info[3]);
  const auto mapping = std::make_shared<Mapping>(file->fd(), file->size());
  Window window(*archive->source);
  auto compressed = Napi::Array::New(info.Env());
  for (const auto index : chosen.indices) {
    auto& record = records->list[index];
    const auto position = position_of(*archive, record, window);
    if (!position) {
      compressed.Set(compressed.Length(), index);
      continue;
    }
    record.storage = Mapping::storage(mapping, *position, record.nbytes);
    swap_bytes({index, record.name, record.nbytes, chosen.swaps[index], record.storage, position});
  }
  return compressed;
}

const c10::Storage& storage_of(const Records::Record& record) {
  if (!record.storage) fail_argument("record " + record.name + " was not read");
  return record.storage;
}

Napi::Value record_storage(const Info& info) {
  return wrap_storage(info.Env(), storage_of(record_at(*records_of(info[0]), info[1])));
}

Napi::Value set_record_storage(const Info& info) {
  record_at(*records_of(info[0]), info[1]).storage = unwrap_storage(info[2]);
  return info.Env().Undefined();
}

Napi::Value tensor_from_record(const Info& info) {
  auto tensor = tensor_over(info, storage_of(record_at(*records_of(info[1]), info[2])), 3);
  return Napi::Number::New(info.Env(), attach_tensor(info.Env(), EnvData::of(info.Env()), info[0], std::move(tensor)));
}

}  // namespace

void init_records(Napi::Object exports) {
  export_function<find_records>(exports, "findRecords");
  export_function<read_records>(exports, "readRecords");
  export_function<read_records_async>(exports, "readRecordsAsync");
  export_function<map_records>(exports, "mapRecords");
  export_function<record_storage>(exports, "recordStorage");
  export_function<set_record_storage>(exports, "setRecordStorage");
  export_function<tensor_from_record>(exports, "tensorFromRecord");
}

}  // namespace libtorch_node
