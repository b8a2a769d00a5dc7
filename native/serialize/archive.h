#pragma once
#include <napi.h>

#include <exception>
#include <memory>
#include <new>

#include "core/error.h"
#include "serialize/source.h"

namespace libtorch_node {

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

/** An open archive. Work off the thread shares it, so that closing the handle meanwhile takes nothing from under it. */
struct Archive {
  explicit Archive(std::shared_ptr<Source> s) : source(std::move(s)), reader(source) {}
  std::shared_ptr<Source> source;
  caffe2::serialize::PyTorchStreamReader reader;
};

struct ZipReader {
  std::shared_ptr<BytesSource> bytes;
  std::shared_ptr<Archive> archive;
};

/** The archive of an open reader; a reader of bytes looks again where they are now. */
std::shared_ptr<Archive> archive_of(const Napi::Value& reader);

}  // namespace libtorch_node
