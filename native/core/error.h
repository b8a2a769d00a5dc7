#pragma once
#include <napi.h>

#include <stdexcept>
#include <string>

namespace libtorch_node {

/** An error with a stable code of `lib/errors.ts`. */
struct Failure : std::runtime_error {
  Failure(const char* error_code, const std::string& message) : std::runtime_error(message), code(error_code) {}
  const char* code;
};

[[noreturn]] inline void fail(const char* code, const std::string& message) { throw Failure(code, message); }
[[noreturn]] inline void fail_argument(const std::string& message) { throw Failure("ERR_ARGUMENT", message); }

/** What an exception says, kept until there is an environment to throw it in (off-thread work ends long after its
 * cause). */
struct Caught {
  std::string code;
  std::string message;
  std::string cpp_stack;
};

/** Describes the exception being handled. LibTorch's message comes without its C++ stack. */
Caught describe_current_exception();

/** The JavaScript error for it, made by `Hooks.createError`. */
Napi::Value make_error(Napi::Env env, const Caught& caught);

/** Throws the exception being handled as a JavaScript error; never lets a C++ exception cross the boundary. */
void throw_current_exception(Napi::Env env) noexcept;

/** The one guard at the boundary: runs `body`, and turns whatever it throws into a JavaScript exception. */
template <class Body>
napi_value guard(napi_env env, Body&& body) noexcept {
  try {
    return body();
  } catch (...) {
    throw_current_exception(env);
    return nullptr;
  }
}

}  // namespace libtorch_node
