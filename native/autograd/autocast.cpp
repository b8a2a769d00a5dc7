// Mixed precision: operators run in a lower dtype where that is safe. Its state is that of the thread.
#include <ATen/autocast_mode.h>

#include "core/convert.h"
#include "core/dtype.h"
#include "core/error.h"
#include "core/function.h"

namespace libtorch_node {

namespace {

namespace autocast = at::autocast;
using Info = Napi::CallbackInfo;

c10::DeviceType to_type(const Napi::Value& value) {
  const auto name = to_string(value, "deviceType");
  const auto device = find_device(name);
  if (!device) fail_argument("unknown device type '" + name + "'");
  return device->type();
}

/** The state of one region; what was before comes back when it ends, also by an exception. */
class Region {
 public:
  Region(c10::DeviceType type, c10::ScalarType dtype, bool enabled, bool cached)
      : type_(type),
        dtype_(autocast::get_autocast_dtype(type)),
        enabled_(autocast::is_autocast_enabled(type)),
        cached_(autocast::is_autocast_cache_enabled()) {
    autocast::set_autocast_enabled(type, enabled);
    autocast::set_autocast_dtype(type, dtype);
    autocast::increment_nesting();
    autocast::set_autocast_cache_enabled(cached);
  }
  ~Region() {
    // casts of weights are kept up to the end of the outermost region
    if (autocast::decrement_nesting() == 0) autocast::clear_cache();
    autocast::set_autocast_enabled(type_, enabled_);
    autocast::set_autocast_dtype(type_, dtype_);
    autocast::set_autocast_cache_enabled(cached_);
  }
  Region(const Region&) = delete;

 private:
  c10::DeviceType type_;
  c10::ScalarType dtype_;
  bool enabled_, cached_;
};

// autocast(deviceType, dtype, enabled, cacheEnabled, fn)
Napi::Value run(const Info& info) {
  const Region region(to_type(info[0]), parse_dtype(to_string(info[1], "dtype")), to_bool(info[2], "enabled"),
                      to_bool(info[3], "cacheEnabled"));
  return info[4].As<Napi::Function>().Call({});
}

Napi::Value is_available(const Info& info) {
  const auto device = find_device(to_string(info[0], "deviceType"));
  return Napi::Boolean::New(info.Env(), device && autocast::is_autocast_available(device->type()));
}

Napi::Value is_enabled(const Info& info) {
  return Napi::Boolean::New(info.Env(), autocast::is_autocast_enabled(to_type(info[0])));
}

Napi::Value dtype_of(const Info& info) {
  return Napi::String::New(info.Env(), dtype_name(autocast::get_autocast_dtype(to_type(info[0]))));
}

Napi::Value is_cache_enabled(const Info& info) {
  return Napi::Boolean::New(info.Env(), autocast::is_autocast_cache_enabled());
}

// Python's own setters: for those who cannot wrap what they run in a function.
Napi::Value set_enabled(const Info& info) {
  autocast::set_autocast_enabled(to_type(info[0]), to_bool(info[1], "enabled"));
  return info.Env().Undefined();
}

Napi::Value set_dtype(const Info& info) {
  autocast::set_autocast_dtype(to_type(info[0]), parse_dtype(to_string(info[1], "dtype")));
  return info.Env().Undefined();
}

Napi::Value set_cache_enabled(const Info& info) {
  autocast::set_autocast_cache_enabled(to_bool(info[0], "enabled"));
  return info.Env().Undefined();
}

Napi::Value clear_cache(const Info& info) {
  autocast::clear_cache();
  return info.Env().Undefined();
}

}  // namespace

void init_autocast(Napi::Object exports) {
  export_function<run>(exports, "autocast");
  export_function<is_available>(exports, "isAutocastAvailable");
  export_function<is_enabled>(exports, "isAutocastEnabled");
  export_function<dtype_of>(exports, "autocastDtype");
  export_function<is_cache_enabled>(exports, "isAutocastCacheEnabled");
  export_function<set_enabled>(exports, "setAutocastEnabled");
  export_function<set_dtype>(exports, "setAutocastDtype");
  export_function<set_cache_enabled>(exports, "setAutocastCacheEnabled");
  export_function<clear_cache>(exports, "clearAutocastCache");
}

}  // namespace libtorch_node
