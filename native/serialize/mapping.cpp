#include "serialize/mapping.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <vector>

#include "core/convert.h"
#include "core/error.h"
#include "core/function.h"
#include "serialize/source.h"
#include "serialize/storage.h"

namespace libtorch_node {

Mapping::Mapping(int fd, size_t size) : size_(size) {
  // MAP_NORESERVE: pages that nobody writes to need no memory set aside, or a file larger than the memory could not be
  // mapped
  void* data = size == 0 ? nullptr : mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
  if (data == MAP_FAILED) fail("ERR_CHECKPOINT_FORMAT", system_error(errno, "mmap"));
  data_ = static_cast<char*>(data);
}

Mapping::~Mapping() {
  if (data_ != nullptr) munmap(data_, size_);
}

c10::Storage Mapping::storage(const std::shared_ptr<Mapping>& mapping, uint64_t position, size_t nbytes) {
  if (nbytes == 0) return new_storage(0);
  if (position > mapping->size_ || nbytes > mapping->size_ - position) {
    fail("ERR_CHECKPOINT_FORMAT", "the archive is truncated: a record reaches beyond its end");
  }
  using Owner = std::shared_ptr<Mapping>;
  c10::DataPtr data(
      mapping->data_ + position, new Owner(mapping), [](void* owner) { delete static_cast<Owner*>(owner); },
      c10::Device(c10::kCPU));
  return {c10::Storage::use_byte_size_t(), nbytes, std::move(data), nullptr, false};
}

namespace {

Napi::Value map_file(const Napi::CallbackInfo& info) {
  const auto fd = static_cast<int>(to_int(info[0], "file descriptor"));
  if (!info[1].IsArray()) fail_argument("expected an array of ranges");
  struct stat facts;
  if (fstat(fd, &facts) != 0) fail("ERR_CHECKPOINT_FORMAT", system_error(errno, "fstat"));
  const auto mapping = std::make_shared<Mapping>(fd, static_cast<size_t>(facts.st_size));
  auto ranges = info[1].As<Napi::Array>();
  auto storages = Napi::Array::New(info.Env(), ranges.Length());
  for (uint32_t i = 0; i < ranges.Length(); ++i) {
    auto range = Napi::Value(ranges.Get(i)).As<Napi::Object>();
    const auto position = to_int(range.Get("position"), "position");
    const auto nbytes = to_int(range.Get("nbytes"), "nbytes");
    if (position < 0 || nbytes < 0) fail_argument("expected a range of the file");
    storages.Set(i, wrap_storage(info.Env(), Mapping::storage(mapping, static_cast<uint64_t>(position),
                                                              static_cast<size_t>(nbytes))));
  }
  return storages;
}

}  // namespace

void init_mapping(Napi::Object exports) { export_function<map_file>(exports, "mapFile"); }

}  // namespace libtorch_node
