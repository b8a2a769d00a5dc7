// Writes zip archives for JavaScript.
#include <utility>
#include <vector>

#include "core/async.h"
#include "core/convert.h"
#include "core/function.h"
#include "core/handle.h"
#include "serialize/storage.h"
#include "serialize/transfer.h"
#include "serialize/zip_writer.h"

namespace libtorch_node {

namespace {

using Info = Napi::CallbackInfo;

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

Napi::Value write_storage(const Info& info) {
  writer_of(info[0])->write(to_string(info[1], "record name"), unwrap_storage(info[2]));
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
                       writer->write(name, storage);
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
