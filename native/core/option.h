#pragma once
#include <ATen/core/ivalue.h>
#include <napi.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

/**
 * Options of the things that are rows (optimizers, schedulers): declared once in C++ with Python's names and defaults,
 * described to JavaScript, and received from it as an array of values in the row's order.
 */
namespace libtorch_node {

/** In place of a default: the argument has to be given; `kind` is what describe() says. */
struct Required {
  const char* kind;
};

/** Python's literal: `0` is std::int64_t{0}, `0.0` is 0.0, None is std::monostate, a tuple is a vector, maybe with
 * None. */
using Literal = std::variant<std::monostate, double, int64_t, bool, const char*, std::vector<double>,
                             std::vector<std::optional<double>>, Required>;

struct Option {
  const char* name;
  Literal fallback;
  /** One sentence without a full stop: what it is, with unit or range. */
  const char* doc;
  /** The TypeScript type, where it is more than the default tells: "boolean | null" */
  const char* type = nullptr;
};

/** `{name, kind, type, doc, required, default}` of `OptionRow` in binding.d.ts. */
Napi::Object describe_option(Napi::Env env, const Option& option);
Napi::Array from_names(Napi::Env env, const std::vector<const char*>& names);

/** Option values by name. Holds no JavaScript, so it may go to another thread. */
class Values {
 public:
  Values() = default;
  /** From an array of values in the order of `names`; `owner` begins the messages. */
  Values(const char* owner, const std::vector<const char*>& names, const Napi::Value& array);

  /** A number, or a tensor of one element. */
  double real(const char* name) const;
  double real(const char* name, size_t index) const;
  /** The number at a place of a tuple that may hold None. */
  std::optional<double> real_or_none(const char* name, size_t index) const;
  bool flag(const char* name) const;
  /** None where the caller left the choice to the library. */
  std::optional<bool> choice(const char* name) const;
  /** The value as it was given, for what may be a tensor. */
  const c10::IValue& at(const char* name) const;
  /** As Python prints it. */
  std::string print(const char* name) const;
  /** The number at a place of a tuple, a float unless a tensor says otherwise. */
  std::string print(const char* name, size_t index) const;
  const char* owner() const { return owner_; }

 private:
  [[noreturn]] void wrong(const char* name, const char* expected) const;

  const char* owner_ = "";
  const std::vector<const char*>* names_ = nullptr;
  std::vector<c10::IValue> values_;
};

/** A number as Python prints it; a whole one as an int unless `as_float`. */
std::string print_number(double number, bool as_float = false);

}  // namespace libtorch_node
