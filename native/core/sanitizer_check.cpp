// Faults made on purpose, in a build with sanitizers alone: scripts/test-asan.mjs proves with them that faults are
// found.
#ifdef __SANITIZE_ADDRESS__
#include <climits>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/convert.h"
#include "core/function.h"

namespace libtorch_node {

namespace {

// volatile: the compiler must neither see the fault coming nor leave it out
volatile size_t four = 4;
volatile int most = INT_MAX;
volatile uintptr_t nowhere = 64;

Napi::Value sanitizer_fault(const Napi::CallbackInfo& info) {
  const auto kind = to_string(info[0], "kind");
  int result = 0;
  if (kind == "address") {
    const auto block = std::make_unique<int[]>(4);
    result = block[four];
  } else if (kind == "freed") {
    auto block = std::make_unique<int[]>(4);
    const volatile int* freed = block.get();
    block.reset();
    result = freed[0];
  } else if (kind == "wild") {
    result = *reinterpret_cast<const int*>(nowhere);
  } else if (kind == "undefined") {
    result = most + 1;
  } else if (kind == "assertion") {
    result = std::vector<int>(4)[four];
  } else {
    fail_argument("no such fault: " + kind);
  }
  return Napi::Number::New(info.Env(), result);
}

}  // namespace

void init_sanitizer_check(Napi::Env, Napi::Object exports) {
  export_function<sanitizer_fault>(exports, "sanitizerFault");
}

}  // namespace libtorch_node
#endif
