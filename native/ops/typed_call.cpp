#include "ops/typed_call.h"

#include <ATen/core/Tensor.h>

#include <tuple>
#include <utility>

#include "core/tensor.h"
#include "ops/arguments.h"

namespace libtorch_node {

namespace {

// The positional arguments from left to right.
struct Cursor {
  const Arg* next;
  const Arg* end;

  /** The argument of `spec`; null when it is not given. */
  const Arg* take(const ArgSpec& spec) { return spec.keyword_only || next == end ? nullptr : next++; }
};

// One parameter of a C++ signature: read() is false when the argument is none that it takes as it is.
template <class T>
struct Parameter;

template <>
struct Parameter<const at::Tensor&> {
  Parameter() = default;
  Parameter(const Parameter&) = delete;
  Parameter& operator=(const Parameter&) = delete;
  // The caller's object owns the reference.
  ~Parameter() { static_cast<void>(tensor.unsafeReleaseTensorImpl()); }

  bool read(const ArgSpec& spec, Cursor& cursor) {
    const auto* arg = cursor.take(spec);
    if (arg == nullptr || arg->kind != Kind::Tensor) return false;
    tensor = at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim(arg->tensor));
    return true;
  }
  const at::Tensor& get() const { return tensor; }

  at::Tensor tensor;
};

template <>
struct Parameter<int64_t> {
  bool read(const ArgSpec& spec, Cursor& cursor) {
    if (const auto* arg = cursor.take(spec)) {
      value = static_cast<int64_t>(arg->number);
      return arg->kind == Kind::Int;
    }
    if (!spec.fallback || !spec.fallback->isInt()) return false;
    value = spec.fallback->toInt();
    return true;
  }
  int64_t get() const { return value; }

  int64_t value = 0;
};

template <>
struct Parameter<c10::SymInt> : Parameter<int64_t> {};

template <>
struct Parameter<const at::Scalar&> {
  bool read(const ArgSpec& spec, Cursor& cursor) {
    if (const auto* arg = cursor.take(spec)) {
      value = arg->kind == Kind::Int ? at::Scalar(static_cast<int64_t>(arg->number)) : at::Scalar(arg->number);
      return arg->kind == Kind::Int || arg->kind == Kind::Float;
    }
    if (!spec.fallback || !spec.fallback->isScalar()) return false;
    value = spec.fallback->toScalar();
    return true;
  }
  const at::Scalar& get() const { return value; }

  at::Scalar value;
};

template <>
struct Parameter<std::optional<at::ScalarType>> {
  bool read(const ArgSpec& spec, Cursor& cursor) {
    return cursor.take(spec) == nullptr && spec.fallback && spec.fallback->isNone();
  }
  std::optional<at::ScalarType> get() const { return std::nullopt; }
};

// view(2, 3): sizes one by one. An array goes the general way.
template <>
struct Parameter<c10::SymIntArrayRef> {
  bool read(const ArgSpec& spec, Cursor& cursor) {
    if (spec.list_size != 0 || cursor.next == cursor.end) return false;
    while (const auto* arg = cursor.take(spec)) {
      if (arg->kind != Kind::Int) return false;
      values.emplace_back(static_cast<int64_t>(arg->number));
    }
    return true;
  }
  c10::SymIntArrayRef get() const { return values; }

  c10::SmallVector<c10::SymInt, 6> values;
};

template <class Signature>
class TypedCallOf;

template <class... P>
class TypedCallOf<at::Tensor(P...)> final : public TypedCall {
 public:
  explicit TypedCallOf(const c10::OperatorHandle& handle) : operator_(handle.typed<at::Tensor(P...)>()) {}

  std::optional<at::Tensor> operator()(const Overload& overload, const Arg* args, size_t count) const override {
    return call(overload, Cursor{args, args + count}, std::index_sequence_for<P...>());
  }

 private:
  template <size_t... i>
  std::optional<at::Tensor> call(const Overload& overload, Cursor cursor, std::index_sequence<i...>) const {
    std::tuple<Parameter<P>...> parameters;
    if (!(std::get<i>(parameters).read(overload.args[i], cursor) && ...) || cursor.next != cursor.end) return {};
    return operator_.call(std::get<i>(parameters).get()...);
  }

  c10::TypedOperatorHandle<at::Tensor(P...)> operator_;
};

template <class Signature>
std::unique_ptr<TypedCall> make(const c10::OperatorHandle& handle) {
  return std::make_unique<TypedCallOf<Signature>>(handle);
}

std::string signature_of(const c10::FunctionSchema& schema) {
  std::string text;
  for (const auto& argument : schema.arguments()) {
    const bool written = argument.alias_info() != nullptr && argument.alias_info()->isWrite();
    text += (text.empty() ? "" : ", ") + argument.real_type()->str() + (written ? "!" : "");
  }
  for (const auto& result : schema.returns()) text += " -> " + result.type()->str();
  return text;
}

using T = const at::Tensor&;

struct Row {
  const char* signature;
  std::unique_ptr<TypedCall> (*make)(const c10::OperatorHandle& handle);
};

constexpr Row kRows[] = {
    {"Tensor -> Tensor", make<at::Tensor(T)>},
    {"Tensor, Tensor -> Tensor", make<at::Tensor(T, T)>},
    {"Tensor, Tensor, Scalar -> Tensor", make<at::Tensor(T, T, const at::Scalar&)>},
    {"Tensor, Scalar -> Tensor", make<at::Tensor(T, const at::Scalar&)>},
    {"Tensor, ScalarType? -> Tensor", make<at::Tensor(T, std::optional<at::ScalarType>)>},
    {"Tensor, SymInt[] -> Tensor", make<at::Tensor(T, c10::SymIntArrayRef)>},
    {"Tensor, int -> Tensor", make<at::Tensor(T, int64_t)>},
    {"Tensor, int, int -> Tensor", make<at::Tensor(T, int64_t, int64_t)>},
    {"Tensor, int, SymInt -> Tensor", make<at::Tensor(T, int64_t, c10::SymInt)>},
};

}  // namespace

std::unique_ptr<TypedCall> find_typed_call(const c10::OperatorHandle& handle) {
  const auto signature = signature_of(handle.schema());
  for (const auto& row : kRows) {
    if (signature != row.signature) continue;
    try {
      return row.make(handle);
    } catch (const c10::Error&) {
      // a library registered it with another C++ signature than ATen's for the same schema
      return nullptr;
    }
  }
  return nullptr;
}

}  // namespace libtorch_node
