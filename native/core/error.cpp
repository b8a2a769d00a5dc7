#include "core/error.h"

#include <c10/util/Exception.h>

#include <array>
#include <new>
#include <utility>

#include "core/env.h"

namespace libtorch_node {

namespace {

// Errors thrown inside backward() carry Python-only advice and a C++ trace behind the first blank line; a message that
// quotes another one carries the trace of that.
std::string without_stack(const std::string& text) {
  auto end = text.find("\nException raised from ");
  if (end == std::string::npos) end = text.find("\nC++ CapturedTraceback");
  return end == std::string::npos ? text : text.substr(0, end);
}

// Python names types in LibTorch's messages as its own classes: CPUFloatType is torch.FloatTensor there. The table:
// processErrorMsg in torch/csrc/Exceptions.cpp, PyTorch 2.13.
std::string with_python_types(std::string text) {
  if (text.find("Type") == std::string::npos) return text;
  constexpr std::array<std::pair<const char*, const char*>, 4> kBackends{
      {{"SparseCUDA", "cuda.sparse."}, {"SparseCPU", "sparse."}, {"CUDA", "cuda."}, {"CPU", ""}}};
  constexpr std::array kNumbers{"Byte", "Char", "Double", "Float", "Int", "Long", "Short", "Half"};
  for (const auto& [backend, module] : kBackends) {
    if (text.find(backend) == std::string::npos) continue;
    for (const auto* number : kNumbers) {
      const auto type = std::string(backend) + number + "Type";
      const auto name = std::string("torch.") + module + number + "Tensor";
      for (const auto& old : {"Variable[" + type + "]", type}) {
        for (size_t at = text.find(old); at != std::string::npos; at = text.find(old, at + name.size()))
          text.replace(at, old.size(), name);
      }
    }
  }
  return text;
}

/** What LibTorch says, as Python would say it. */
std::string message_of(const c10::Error& error) {
  return with_python_types(without_stack(error.what_without_backtrace()));
}

}  // namespace

Caught describe_current_exception() {
  try {
    throw;
  } catch (const Failure& e) {
    return {e.code, e.what(), ""};
  } catch (const c10::OutOfMemoryError& e) {
    return {"ERR_OUT_OF_MEMORY", message_of(e), e.what()};
  } catch (const c10::IndexError& e) {
    return {"ERR_INDEX", message_of(e), e.what()};
  } catch (const c10::TypeError& e) {
    return {"", message_of(e), e.what()};
  } catch (const c10::Error& e) {
    return {"", message_of(e), e.what()};
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
