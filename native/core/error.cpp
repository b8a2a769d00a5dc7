#include "core/error.h"

#include <c10/util/Exception.h>

#include <new>

#include "core/env.h"

namespace libtorch_node {

namespace {

// Errors thrown inside backward() carry Python-only advice and a C++ trace behind the first blank line.
std::string without_stack(const std::string& text) {
  auto end = text.find("\nException raised from ");
  if (end == std::string::npos) end = text.find("\nC++ CapturedTraceback");
  return end == std::string::npos ? text : text.substr(0, end);
}

}  // namespace

Caught describe_current_exception() {
  try {
    throw;
  } catch (const Failure& e) {
    return {e.code, e.what(), ""};
  } catch (const c10::OutOfMemoryError& e) {
    return {"ERR_OUT_OF_MEMORY", e.what_without_backtrace(), e.what()};
  } catch (const c10::IndexError& e) {
    return {"ERR_INDEX", e.what_without_backtrace(), e.what()};
  } catch (const c10::TypeError& e) {
    return {"", e.what_without_backtrace(), e.what()};
  } catch (const c10::Error& e) {
    return {"", e.what_without_backtrace(), e.what()};
  } catch (const std::bad_alloc&) {
    return {"ERR_OUT_OF_MEMORY", "out of memory", ""};
  } catch (const std::exception& e) {
    return {"", without_stack(e.what()), ""};
  } catch (...) {
    return {"", "an exception of unknown type was thrown in native code", ""};
  }
}

Napi::Value make_error(Napi::Env env, const Caught& caught) {
  auto& data = EnvData::of(env);
  // Before initialize() there is no hook yet.
  if (data.create_error.IsEmpty()) return Napi::Error::New(env, caught.message).Value();
  return data.create_error.Call(
      {Napi::String::New(env, caught.code), Napi::String::New(env, caught.message),
       caught.cpp_stack.empty() ? env.Undefined() : Napi::String::New(env, caught.cpp_stack)});
}

void throw_current_exception(Napi::Env env) noexcept {
  // No ThrowAsJavaScriptException() here: it throws again when the environment takes no exception any more, as while a
  // worker is being terminated. Then there is nobody left to tell, and the status of napi_throw does not matter.
  try {
    try {
      throw;
    } catch (const Napi::Error& e) {
      // JavaScript threw first (a callback, or a conversion of node-addon-api): hand it on as it is.
      napi_throw(env, e.Value());
      return;
    } catch (...) {
    }
    if (env.IsExceptionPending()) return;
    napi_throw(env, make_error(env, describe_current_exception()));
  } catch (const Napi::Error& e) {
    napi_throw(env, e.Value());
  } catch (...) {
    napi_throw_error(env, nullptr, "native code failed while reporting an error");
  }
}

}  // namespace libtorch_node
