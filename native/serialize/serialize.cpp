// Zip records and storages. No pickle is read here: untrusted bytes stay in memory-safe code.
#include <napi.h>

namespace libtorch_node {

void init_reader(Napi::Object exports);
void init_records(Napi::Object exports);
void init_writer(Napi::Object exports);
void init_storage(Napi::Object exports);
void init_mapping(Napi::Object exports);
void init_transfer(Napi::Object exports);
void init_commit(Napi::Object exports);
void init_lock(Napi::Object exports);

void init_serialize(Napi::Env, Napi::Object exports) {
  init_reader(exports);
  init_records(exports);
  init_writer(exports);
  init_storage(exports);
  init_mapping(exports);
  init_transfer(exports);
  init_commit(exports);
  init_lock(exports);
}

}  // namespace libtorch_node
