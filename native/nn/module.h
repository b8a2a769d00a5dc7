#pragma once
#include <ATen/core/ivalue.h>
#include <torch/nn/cloneable.h>
#include <torch/nn/module.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/registry.h"
#include "nn/option.h"

/**
 * A layer is one row: name, arguments of the constructor in Python's order, tensors, words and arithmetic, over a
 * module of torch::nn (or one of ours beside the row, where LibTorch's lacks an option). The rest follows from the row:
 * construction, live options, printing, and the TypeScript class.
 */
namespace libtorch_node::layers {

namespace nn = torch::nn;
using Inputs = c10::ArrayRef<at::Tensor>;

/** An argument of the constructor; with `get` it is an option that can be read and set on the live layer. */
struct Argument {
  std::string name;
  bool required = false;
  bool keyword_only = false;
  std::string doc;
  /** TypeScript types: what it takes, and what reading it gives */
  std::string accepts;
  std::string gives;
  std::function<void(void* options, const Napi::Value& value, const std::string& where)> set;
  std::function<Napi::Value(Napi::Env env, const void* options)> get;
  std::function<std::string(const void* options)> python;
};

enum class Kind { kParameter, kBuffer };

/** A parameter or buffer of the layer itself. */
struct Slot {
  std::string name;
  Kind kind;
  /** State dicts of versions before this one lack it; the layer's own value then stays. */
  int since = 0;
  std::function<at::Tensor&(nn::Module&)> get;
};

/** What extra_repr is made of: options and tensors (True where present) by name, in Python's words. */
struct Words {
  std::function<std::string(const std::string& name)> word;
  std::string operator()(const std::string& name) const { return word(name); }
  /** `pattern` with every `{name}` replaced. */
  std::string format(const std::string& pattern) const;
  /** ", name=value", or nothing when the value is the usual one. */
  std::string unless(const std::string& usual, const std::string& name) const;
};
using Repr = std::function<std::string(const Words&)>;
/** extra_repr as a pattern with `{name}` in it. */
inline Repr text(std::string pattern) {
  return [pattern = std::move(pattern)](const Words& words) { return words.format(pattern); };
}
/** The options of layers that have only `inplace`, and what it says. */
struct InplaceOptions {
  TORCH_ARG(bool, inplace) = false;
};
inline constexpr const char* kInplace = "writes the result into the input";
/** `inplace=True`, or nothing: what activations print. */
inline const Repr kInplaceOnly = [](const Words& w) {
  return std::string(w("inplace") == "True" ? "inplace=True" : "");
};

/** The arguments of a constructor call by name; undefined when not given. */
using Given = std::function<Napi::Value(const std::string& name)>;

struct Row {
  std::string name;
  std::string doc;
  std::vector<Argument> arguments;
  std::vector<Slot> tensors;
  /** names of forward's arguments, all tensors; `offsets?` may be left out, which gives an undefined tensor; the
   * integers of `output_size[]?` come as an int64 tensor */
  std::vector<std::string> inputs;
  /** TypeScript type of forward's result */
  std::string output;
  /** `version` in the state dict's `_metadata` */
  int version;
  Repr repr;
  std::function<std::shared_ptr<void>()> seed;
  std::function<void(void* options, const Given& given)> prepare;
  std::function<std::shared_ptr<nn::Module>(const void* options)> make;
  /** the options of a live layer */
  std::function<void*(nn::Module&)> options;
  std::function<c10::IValue(nn::Module&, Inputs)> forward;
  /** A module with the same options that shares the tensors; nothing is drawn. */
  std::function<std::shared_ptr<nn::Module>(const nn::Module&)> copy = nullptr;
};

// ---- how a row is written

template <class Access>
struct NamedArgument {
  const char* name;
  bool required;
  const char* doc;
  Access access;
};
template <class Access>
NamedArgument(const char*, bool, const char*, Access) -> NamedArgument<Access>;

/** The option `x` by the name of its TORCH_ARG, which must be given / may be left out, and its description. */
#define REQ(x, description) NamedArgument(#x, true, description, [](auto& o) -> auto& { return o.x(); })
#define OPT(x, description) NamedArgument(#x, false, description, [](auto& o) -> auto& { return o.x(); })
/** The same, by keyword only. */
#define KEYWORD(x, description) keyword_only(OPT(x, description))

template <class Access>
struct KeywordOnly {
  NamedArgument<Access> argument;
};
template <class Access>
KeywordOnly<Access> keyword_only(NamedArgument<Access> argument) {
  return {argument};
}

/** Where the layer's tensors are made; every layer that makes some takes it. */
Argument device_argument();
Argument dtype_argument();
#define DEVICE device_argument()
#define DTYPE dtype_argument()
/** An argument that is no option; only `prepare` looks at it. */
Argument constructor_only(std::string name, std::string accepts, std::string description);

/** An argument for a layer with these options. */
template <class Options>
struct ArgumentOf : Argument {
  ArgumentOf(Argument argument) : Argument(std::move(argument)) {}  // NOLINT: rows list all kinds side by side
  template <class Access>
  ArgumentOf(const KeywordOnly<Access>& keyword) : ArgumentOf(keyword.argument) {  // NOLINT
    keyword_only = true;
  }
  template <class Access>
  ArgumentOf(const NamedArgument<Access>& named) {  // NOLINT
    using T = std::decay_t<decltype(named.access(std::declval<Options&>()))>;
    name = named.name;
    required = named.required;
    doc = named.doc;
    accepts = Form<T>::accepts();
    gives = Form<T>::gives();
    set = [access = named.access](void* options, const Napi::Value& value, const std::string& where) {
      access(*static_cast<Options*>(options)) = read_option<T>(value, where);
    };
    get = [access = named.access](Napi::Env env, const void* options) {
      return Form<T>::write(env, access(*static_cast<const Options*>(options)));
    };
    python = [access = named.access](const void* options) {
      return Form<T>::python(access(*static_cast<const Options*>(options)));
    };
  }
};

template <class Access>
struct NamedSlot {
  const char* name;
  Kind kind;
  int since;
  Access access;
};
template <class Access>
NamedSlot(const char*, Kind, int, Access) -> NamedSlot<Access>;

#define PARAMETER(x) NamedSlot(#x, Kind::kParameter, 0, [](auto& m) -> auto& { return m.x; })
#define BUFFER(x) NamedSlot(#x, Kind::kBuffer, 0, [](auto& m) -> auto& { return m.x; })
/** A buffer that state dicts have from this version of the layer on. */
#define BUFFER_SINCE(x, version) NamedSlot(#x, Kind::kBuffer, version, [](auto& m) -> auto& { return m.x; })

template <class M>
struct SlotOf : Slot {
  template <class Access>
  SlotOf(const NamedSlot<Access>& named)  // NOLINT
      : Slot{named.name, named.kind, named.since,
             [access = named.access](nn::Module& m) -> at::Tensor& { return access(static_cast<M&>(m)); }} {}
};

struct NoOptions {};

/** What a row says of the layer whose module is `M`, made from `Options`. */
template <class M, class Options>
struct Spec {
  const char* name;
  /** what it does and, in a second line, the shapes */
  const char* doc;
  Options seed;
  std::vector<ArgumentOf<Options>> arguments = {};
  std::vector<SlotOf<M>> tensors = {};
  std::vector<std::string> inputs = {"input"};
  std::string output = "Tensor";
  int version = 1;
  Repr repr = text("");
  /** Settles what depends on several arguments, before the module is made. */
  std::function<void(Options& options, const Given& given)> prepare = nullptr;
  /** Default: `M::forward` */
  std::function<c10::IValue(M&, Inputs)> forward = nullptr;
};

/** The row of a layer; for `static const Registered<Row>`. */
template <class M, class Options = NoOptions>
Row row(Spec<M, Options> spec) {
  Row row{.name = spec.name,
          .doc = spec.doc,
          .arguments = {spec.arguments.begin(), spec.arguments.end()},
          .tensors = {spec.tensors.begin(), spec.tensors.end()},
          .inputs = std::move(spec.inputs),
          .output = std::move(spec.output),
          .version = spec.version,
          .repr = std::move(spec.repr),
          .seed = [seed = spec.seed] { return std::make_shared<Options>(seed); },
          .prepare = nullptr,
          .make = [](const void* options) -> std::shared_ptr<nn::Module> {
            if constexpr (std::is_constructible_v<M, const Options&>) {
              return std::make_shared<M>(*static_cast<const Options*>(options));
            } else {
              return std::make_shared<M>();
            }
          },
          .options = nullptr,
          .forward = nullptr};
  if (spec.prepare) {
    row.prepare = [prepare = std::move(spec.prepare)](void* options, const Given& given) {
      prepare(*static_cast<Options*>(options), given);
    };
  }
  row.options = [](nn::Module& m) -> void* {
    if constexpr (requires { static_cast<M&>(m).options; }) {
      static_assert(std::is_same_v<decltype(std::declval<M&>().options), Options>,
                    "a row names the type of M::options");
      return &static_cast<M&>(m).options;
    } else {
      return nullptr;
    }
  };
  if (spec.forward) {
    row.forward = [forward = std::move(spec.forward)](nn::Module& m, Inputs in) {
      return forward(static_cast<M&>(m), in);
    };
  } else if constexpr (requires(M& m, at::Tensor x) { m.forward(x); }) {
    row.forward = [](nn::Module& m, Inputs in) -> c10::IValue { return static_cast<M&>(m).forward(in[0]); };
  }
  if constexpr (std::is_copy_constructible_v<M>) {
    row.copy = [](const nn::Module& m) -> std::shared_ptr<nn::Module> {
      return std::make_shared<M>(static_cast<const M&>(m));
    };
  }
  return row;
}

/** A module without tensors of its own, for layers of which torch::nn lacks an option or that it has not. */
template <class Options>
class Plain : public nn::Cloneable<Plain<Options>> {
 public:
  explicit Plain(Options options_) : options(std::move(options_)) {}
  void reset() override {}
  Options options;
};
template <class Options>
Row plain_row(Spec<Plain<Options>, Options> spec) {
  return row<Plain<Options>, Options>(std::move(spec));
}

}  // namespace libtorch_node::layers
