#include "serialize/zip_writer.h"

#include <c10/util/hash.h>
#include <caffe2/serialize/versions.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "serialize/crc32.h"
#include "serialize/source.h"
#include "serialize/storage.h"
#include "serialize/zip_layout.h"

namespace libtorch_node {

namespace {

/** What is written at once: few calls of the system, and data that are still in the cache from their CRC. Shorter data
 * are gathered until they are this much. */
constexpr size_t kPiece = 1 << 20;

uint32_t word_at(const char* data) {
  uint32_t word;
  std::memcpy(&word, data, sizeof word);
  return word;
}

/** All of the 20 digits that 64 bits may need. */
std::string digits(uint64_t number) {
  const auto text = std::to_string(number);
  return std::string(20 - text.size(), '0') + text;
}

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
}

void ZipWriter::write(const std::string& name, const void* data, size_t nbytes) {
  std::lock_guard guard(lock_);
  check_open();
  add(name, {static_cast<const char*>(data), nbytes});
}

void ZipWriter::write(const std::string& name, const c10::Storage& storage) {
  const auto data = storage_on_cpu(storage);
  write(name, data.data(), data.nbytes());
}

void ZipWriter::finish() {
  std::lock_guard guard(lock_);
  check_open();
  if (!names_.contains("version")) {
    add("version", std::to_string(caffe2::serialize::kMinProducedFileFormatVersion) + "\n");
  }
  if (!names_.contains("byteorder")) add("byteorder", "little");
  add(".data/serialization_id", serialization_id());
  const auto offset = position();
  put(directory_);
  append_end(pending_, offset, directory_.size(), names_.size());
  flush();
  if (fsync(fd_) != 0) fail_with(errno, "fsync");
  const int result = close(std::exchange(fd_, -1));
  if (result != 0) fail("ERR_CHECKPOINT_WRITE", system_error(errno, "close"));
}

void ZipWriter::give_up() {
  std::lock_guard guard(lock_);
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

void ZipWriter::check_open() const {
  if (fd_ < 0) fail("ERR_DISPOSED", "this zip writer is closed");
  if (error_ != 0) fail_again();
}

void ZipWriter::add(const std::string& name, std::string_view data) {
  ZipRecord record{"archive/" + name, position(), data.size()};
  if (record.name.size() > UINT16_MAX)
    fail("ERR_CHECKPOINT_WRITE", "PytorchStreamWriter failed writing file " + name + ": invalid filename");
  if (!names_.insert(name).second) fail("ERR_CHECKPOINT_WRITE", "Tried to serialize file twice: " + name);
  append_local_header(pending_, record);
  record.crc = put_data(data);
  append_data_descriptor(pending_, record);
  if (pending_.size() >= kPiece) flush();
  append_directory_entry(directory_, record);
  // LibTorch knows data descriptors by their first word, and takes data that begin with it for one, too
  if (data.size() >= 8 && word_at(data.data()) == kDataDescriptor) {
    combined_crc_ = c10::hash_combine(combined_crc_, word_at(data.data() + 4));
  }
  if (!data.empty()) combined_crc_ = c10::hash_combine(combined_crc_, record.crc);
}

/** Writes a record's data, and returns their CRC. */
uint32_t ZipWriter::put_data(std::string_view data) {
  uint32_t crc = 0;
  for (; !data.empty(); data.remove_prefix(std::min(kPiece, data.size()))) {
    const auto piece = data.substr(0, kPiece);
    crc = crc32(crc, piece.data(), piece.size());
    put(piece);
  }
  return crc;
}

std::string ZipWriter::serialization_id() const {
  size_t combined_names = 0;
  for (const auto& name : names_) combined_names = c10::hash_combine(combined_names, c10::hash<std::string>()(name));
  return digits(combined_names) + digits(combined_crc_);
}

void ZipWriter::put(std::string_view bytes) {
  if (bytes.size() < kPiece) {
    pending_ += bytes;
  } else {
    flush();
    write_out(bytes);
  }
}

void ZipWriter::flush() {
  write_out(pending_);
  pending_.clear();
}

void ZipWriter::write_out(std::string_view bytes) {
  if (const int error = write_all(fd_, bytes.data(), bytes.size())) fail_with(error, "write");
  written_ += bytes.size();
}

void ZipWriter::fail_with(int error, const char* call) {
  error_ = error;
  failed_call_ = call;
  fail_again();
}

void ZipWriter::fail_again() const { fail("ERR_CHECKPOINT_WRITE", system_error(error_, failed_call_)); }

}  // namespace libtorch_node
