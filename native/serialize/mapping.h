#pragma once
#include <c10/core/Storage.h>

#include <cstdint>
#include <memory>

namespace libtorch_node {

/**
 * A file in memory, as torch.load(mmap=True) has it: pages are read when they are touched, and what is written into
 * them stays in this process. It lives as long as the storages cut from it. A file that another program makes shorter
 * meanwhile ends the process at the first page that is gone, in Python as here: the system knows no other way.
 */
class Mapping {
 public:
  /** Maps the first `size` bytes of an open file, which may be closed afterwards. */
  Mapping(int fd, size_t size);
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  /** The storage of these bytes; throws when they reach beyond the file. */
  static c10::Storage storage(const std::shared_ptr<Mapping>& mapping, uint64_t position, size_t nbytes);

 private:
  char* data_;
  size_t size_;
};

}  // namespace libtorch_node
