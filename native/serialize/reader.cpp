// Reads records of zip archives by LibTorch's reader. Those of storages, see records.cpp.
#include "core/convert.h"
#include "core/function.h"
#include "core/handle.h"
#include "serialize/archive.h"

namespace libtorch_node {

namespace {

using Info = Napi::CallbackInfo;

constexpr char kBytes[] = "bytes";

void refresh(BytesSource& source, const Napi::Value& value) {
  auto array = value.As<Napi::Uint8Array>();
  source.set(array.Data(), array.ByteLength());
}

}  // namespace

std::shared_ptr<Archive> archive_of(const Napi::Value& value) {
  auto& reader = *unwrap<ZipReader>(value, "zip reader");
  if (reader.archive == nullptr) fail("ERR_DISPOSED", "this zip reader was closed");
  if (reader.bytes) refresh(*reader.bytes, value.As<Napi::Object>().Get(kBytes));
  return reader.archive;
}

namespace {

size_t record_size(Archive& archive, const std::string& name) {
  return reading([&] { return archive.reader.getRecordSize(name); });
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
  export_function<close_reader>(exports, "closeReader");
}

}  // namespace libtorch_node
