#pragma once
#include <ATen/core/dispatch/Dispatcher.h>

#include <memory>
#include <optional>

/**
 * Calls by C++ signature. The general path puts arguments on a stack, which suits every operator but costs an
 * allocation for each list, and its kernels take the values off again: 100 to 200 ns of a call that takes 400 to 1000.
 * For the few signatures that most calls have, the arguments go to the operator as C++ values.
 */
namespace libtorch_node {

struct Arg;
struct Overload;

class TypedCall {
 public:
  virtual ~TypedCall() = default;
  /** The result of positional arguments; nothing when the general path must look at them. */
  virtual std::optional<at::Tensor> operator()(const Overload& overload, const Arg* args, size_t count) const = 0;
};

/** null for an operator whose signature is none of the table's */
std::unique_ptr<TypedCall> find_typed_call(const c10::OperatorHandle& handle);

}  // namespace libtorch_node
