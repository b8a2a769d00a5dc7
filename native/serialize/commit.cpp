// Puts complete files in their places on a thread of libuv's pool, which also runs while JavaScript is in a synchronous
// loop.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <future>
#include <optional>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "core/async.h"
#include "core/convert.h"
#include "core/function.h"
#include "core/handle.h"
#include "serialize/source.h"
#include "serialize/storage.h"
#include "serialize/zip_writer.h"

namespace libtorch_node {

namespace {

using Info = Napi::CallbackInfo;
namespace fs = std::filesystem;
using Pairs = std::vector<std::pair<std::string, std::string>>;

[[noreturn]] void fail_system(int error, const char* call) { fail("ERR_CHECKPOINT_WRITE", system_error(error, call)); }

struct File {
  std::shared_ptr<ZipWriter> writer;
  std::string temporary;
  std::string target;
  std::vector<std::pair<std::string, c10::Storage>> storages;
};

/** A name beside a target that no save uses twice: one commit at a time writes to a folder. */
std::string beside(const std::string& target) {
  const fs::path path(target);
  return (path.parent_path() / ("." + path.filename().string() + "." + std::to_string(getpid()) + ".tmp")).string();
}

/** Gives a complete file its name. Nothing happens to a target that is the same file already, so the other name goes.
 */
void rename_over(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) fail_system(errno, "rename");
  unlink(from.c_str());
}

void flush_path(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) fail_system(errno, "open");
  const int error = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  // some file systems cannot flush a folder; the files in it were flushed
  if (error != 0 && !((flags & O_DIRECTORY) != 0 && (error == EINVAL || error == ENOTSUP || error == EPERM))) {
    fail_system(error, "fsync");
  }
}

/** A second name for a file, or a copy of it where the file system has no hard links. */
void link_file(const std::string& from, const std::string& to) {
  const auto temporary = beside(to);
  unlink(temporary.c_str());
  if (link(from.c_str(), temporary.c_str()) != 0) {
    std::error_code error;
    fs::copy_file(from, temporary, error);
    if (error) {
      unlink(temporary.c_str());
      fail_system(error.value(), "copy");
    }
    flush_path(temporary, O_RDONLY);
  }
  rename_over(temporary, to);
}

void write_text(const std::string& path, const std::string& text) {
  const auto temporary = beside(path);
  unlink(temporary.c_str());
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) fail_system(errno, "open");
  int error = write_all(fd, text.data(), text.size());
  const char* call = "write";
  if (error == 0 && fsync(fd) != 0) {
    error = errno;
    call = "fsync";
  }
  close(fd);
  if (error != 0) {
    unlink(temporary.c_str());
    fail_system(error, call);
  }
  rename_over(temporary, path);
}

class Commit {
 public:
  std::vector<File> files;
  Pairs links;
  Pairs texts;
  std::vector<std::string> remove;

  void run() {
    std::exception_ptr caught;
    try {
      put_in_place();
    } catch (...) {
      caught = std::current_exception();
      for (const auto& file : files) {
        file.writer->give_up();
        unlink(file.temporary.c_str());
      }
    }
    files.clear();  // the storages go here, off the main thread
    if (caught) {
      outcome_.set_exception(caught);
    } else {
      outcome_.set_value();
    }
    over_ = true;
    if (caught) std::rethrow_exception(caught);
  }

  /** Whether it is over; throws its error. */
  bool over() {
    if (!over_) return false;
    wait();
    return true;
  }

  void wait() { result_.get(); }

 private:
  void put_in_place() {
    std::set<std::string> folders;
    for (auto& file : files) {
      for (const auto& [name, storage] : file.storages) file.writer->write(name, storage);
      file.writer->finish();
      folders.insert(fs::path(file.target).parent_path().string());
    }
    for (const auto& file : files) rename_over(file.temporary, file.target);
    for (const auto& folder : folders) flush_path(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
    for (const auto& [from, to] : links) link_file(from, to);
    for (const auto& [path, text] : texts) write_text(path, text);
    for (const auto& path : remove) {
      if (unlink(path.c_str()) != 0 && errno != ENOENT) fail_system(errno, "unlink");
    }
    for (const auto& folder : folders) flush_path(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
  }

  std::promise<void> outcome_;
  std::shared_future<void> result_ = outcome_.get_future();
  std::atomic<bool> over_ = false;
};

template <class Body>
void each(const Napi::Value& array, const char* what, Body&& body) {
  if (!array.IsArray()) fail_argument(c10::str("expected an array of ", what));
  auto list = array.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) body(Napi::Value(list.Get(i)));
}

Napi::Object object_of(const Napi::Value& value, const char* what) {
  if (!value.IsObject()) fail_argument(c10::str("expected an object for ", what));
  return value.As<Napi::Object>();
}

Pairs pairs_of(const Napi::Value& array, const char* what) {
  Pairs pairs;
  each(array, what, [&](const Napi::Value& pair) {
    auto both = object_of(pair, what);
    pairs.emplace_back(to_string(both.Get(0u), what), to_string(both.Get(1u), what));
  });
  return pairs;
}

std::shared_ptr<Commit>& commit_of(const Napi::Value& value) { return unwrap<Commit>(value, "commit"); }

Napi::Value start_commit(const Info& info) {
  auto commit = std::make_shared<Commit>();
  each(info[0], "files", [&](const Napi::Value& value) {
    auto given = object_of(value, "a file");
    File file{unwrap<ZipWriter>(given.Get("writer"), "zip writer"),
              to_string(given.Get("temporary"), "temporary"),
              to_string(given.Get("target"), "target"),
              {}};
    each(given.Get("storages"), "storages", [&](const Napi::Value& record) {
      auto both = object_of(record, "a storage");
      file.storages.emplace_back(to_string(both.Get("name"), "name"), unwrap_storage(both.Get("storage")));
    });
    commit->files.push_back(std::move(file));
  });
  auto after = object_of(info[1], "what comes after");
  commit->links = pairs_of(after.Get("links"), "links");
  commit->texts = pairs_of(after.Get("texts"), "texts");
  each(after.Get("remove"), "paths",
       [&](const Napi::Value& path) { commit->remove.push_back(to_string(path, "path")); });
  auto result = Napi::Object::New(info.Env());
  result.Set("commit", make_handle(info.Env(), commit));
  result.Set("done", run_async(info.Env(), [commit] { commit->run(); }));
  return result;
}

Napi::Value commit_over(const Info& info) { return Napi::Boolean::New(info.Env(), commit_of(info[0])->over()); }

Napi::Value wait_commit(const Info& info) {
  commit_of(info[0])->wait();
  return info.Env().Undefined();
}

}  // namespace

void init_commit(Napi::Object exports) {
  export_function<start_commit>(exports, "startCommit");
  export_function<commit_over>(exports, "commitOver");
  export_function<wait_commit>(exports, "waitCommit");
}

}  // namespace libtorch_node
