#include "serialize/transfer.h"

#include "core/function.h"
#include "core/handle.h"

namespace libtorch_node {

namespace {

using Info = Napi::CallbackInfo;

Napi::Value new_transfer(const Info& info) { return make_handle(info.Env(), std::make_shared<Transfer>()); }

Napi::Value transferred(const Info& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(unwrap<Transfer>(info[0], "transfer")->done()));
}

Napi::Value stop_transfer(const Info& info) {
  unwrap<Transfer>(info[0], "transfer")->stop();
  return info.Env().Undefined();
}

}  // namespace

std::shared_ptr<Transfer> transfer_of(const Napi::Value& value) {
  return value.IsUndefined() ? nullptr : unwrap<Transfer>(value, "transfer");
}

void init_transfer(Napi::Object exports) {
  export_function<new_transfer>(exports, "newTransfer");
  export_function<transferred>(exports, "transferred");
  export_function<stop_transfer>(exports, "stopTransfer");
}

}  // namespace libtorch_node
