#pragma once
#include <ATen/core/Tensor.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/option.h"
#include "core/registry.h"

/**
 * What an optimizer's file needs: a row with its options and up to three implementations of one step. Collecting the
 * gradients, grad mode, the choice of the implementation, state dicts and groups are the base's. Parameter groups live
 * in JavaScript, where schedulers and users write to them; each step gets their present values. State lives here.
 */
namespace libtorch_node {

/** State of one parameter, its entries in the order in which they came: that of Python's state dict. */
class State {
 public:
  using Entries = std::vector<std::pair<std::string, c10::IValue>>;

  State() = default;
  explicit State(Entries entries) : entries_(std::move(entries)) {}

  bool empty() const { return entries_.empty(); }
  const Entries& entries() const { return entries_; }
  /** The tensor of that name; undefined where there is none, or Python's None. */
  at::Tensor find(const char* key) const;
  /** The tensor of that name, which has to be there. */
  at::Tensor tensor(const char* key) const;
  void set(const char* key, c10::IValue value);

 private:
  Entries entries_;
};

struct Parameter {
  at::Tensor value;
  /** The caller's `.grad`, only during a step. It is the caller's: no implementation may change it. */
  at::Tensor grad;
  State state;
  /** Is in the list of those with state. */
  bool listed = false;
};
using Parameters = std::vector<Parameter*>;

/** What a GradScaler gives to fused steps, which divide by the scale and leave a step out by themselves. */
struct Scaling {
  at::Tensor grad_scale;
  /** 1 where a gradient is not finite */
  at::Tensor found_inf;

  /** As the fused operators take them: on a device, or none. */
  std::optional<at::Tensor> scale_on(c10::Device device) const { return on(grad_scale, device); }
  std::optional<at::Tensor> found_inf_on(c10::Device device) const { return on(found_inf, device); }

 private:
  static std::optional<at::Tensor> on(const at::Tensor& t, c10::Device device) {
    return t.defined() ? std::optional(t.to(device)) : std::nullopt;
  }
};

/** The options of a group during one step. */
class Group : public Values {
 public:
  using Values::Values;

  // `t *= number` and so on, in place. ATen wraps the number of such a call in a tensor, and casts that to another one,
  // each time: as much work as the operation itself. So tensors made here are used for all parameters of the group.
  void multiply_(at::Tensor& t, double number) { t.mul_(operand(t, number)); }
  void divide_(at::Tensor& t, double number) { t.div_(operand(t, number)); }
  void add_(at::Tensor& t, double number) { t.add_(operand(t, number)); }

  /** What the optimizer was made with. */
  const Values& defaults() const { return *defaults_; }
  const Scaling& scaling() const { return *scaling_; }
  void set_defaults(const Values& defaults) { defaults_ = &defaults; }
  void set_scaling(const Scaling& scaling) { scaling_ = &scaling; }

 private:
  at::Tensor operand(const at::Tensor& other, double number);

  std::vector<std::pair<double, at::Tensor>> constants_;
  const Values* defaults_ = nullptr;
  const Scaling* scaling_ = nullptr;
};

/** One step for the parameters of a group that have a gradient. */
using StepFunction = void (*)(Group& group, const Parameters& parameters);

struct OptimizerRow {
  const char* name;
  const char* doc;
  /** The constructor's arguments after `params` in Python's order: those that may be positional … */
  std::vector<Option> options;
  /** … and those that may not. */
  std::vector<Option> keywords;
  /** Values of a group that are no argument; loading an old file sets them again. */
  std::vector<Option> fixed = {};
  /** Names of all of the above in the order of Python's `defaults`, which is that of the state dict. */
  std::vector<const char*> defaults;
  /** Places in tuples whose default is an int in Python, as a name and an index. */
  std::vector<std::pair<const char*, uint32_t>> ints = {};
  /** Keys of a parameter's state in Python's order. */
  std::vector<const char*> state;
  /** What groups of files from older releases may lack, in the order in which Python adds it. */
  std::vector<Option> older = {};
  /** `step` is a tensor, and a number in the files of older releases. */
  bool tensor_step = true;
  /** The message where sparse gradients are refused. */
  const char* no_sparse = nullptr;
  /** Refuses wrong defaults, in Python's words. */
  void (*check)(const Values& defaults) = nullptr;
  /** Refuses parameters that the new optimizer cannot have, in Python's words. */
  void (*check_params)(const std::vector<std::vector<at::Tensor>>& groups) = nullptr;
  /** Makes the state of a parameter that has none. */
  void (*start)(Group& group, Parameter& parameter) = nullptr;
  /** The parameters that the constructor gets have their state from then on. */
  bool starts_at_once = false;
  StepFunction single;
  /** These two get parameters of one device and one dtype. */
  StepFunction foreach = nullptr;
  StepFunction fused = nullptr;
};

class Optimizer {
 public:
  Optimizer(const OptimizerRow& row, const Values& defaults);

  const OptimizerRow& row() const { return row_; }
  /** The parameters of all groups. State stays with its parameter, also while that is in no group. */
  void set_params(const std::vector<std::vector<at::Tensor>>& groups);
  /** For optimizers whose state begins with their construction. */
  void start(std::vector<Group>& groups);
  void step(std::vector<Group>& groups, const Scaling& scaling = {});
  void zero_grad(bool set_to_none);

  /** Positions, over all groups, of the parameters with state, in the order in which they got it. */
  std::vector<size_t> state_indices() const;
  State& state(size_t index);
  void set_state(size_t index, State state);
  /** Replaces all state by copies of what was loaded, cast as Python casts it. */
  void load_state(std::vector<std::pair<size_t, State>> loaded, const std::vector<Group>& groups);

  /** One user at a time: stepAsync() works on another thread. */
  class Claim {
   public:
    explicit Claim(std::shared_ptr<Optimizer> optimizer);
    ~Claim();
    Claim(const Claim&) = delete;
    Optimizer& operator*() const { return *optimizer_; }
    Optimizer* operator->() const { return optimizer_.get(); }

   private:
    std::shared_ptr<Optimizer> optimizer_;
  };

 private:
  void step_group(Group& group, const std::vector<Parameter*>& parameters);
  Parameter& parameter(size_t index) const;

  void note_state(Parameter& parameter);

  const OptimizerRow& row_;
  const Values defaults_;
  bool differentiable_;
  bool has_params_ = false;
  std::unordered_map<c10::TensorImpl*, std::unique_ptr<Parameter>> parameters_;
  std::vector<Parameters> groups_;
  /** Parameters with state, in the order in which they got it. */
  Parameters started_;
  std::atomic<bool> busy_ = false;
};

// ---- for the implementations

/** Adds one to a `step` tensor and returns its value. */
double count_step(at::Tensor step);
/** Python's dtype of new `step` tensors. */
c10::ScalarType step_dtype(bool fused);

std::vector<at::Tensor> values_of(const Parameters& parameters);
std::vector<at::Tensor> grads_of(const Parameters& parameters);
std::vector<at::Tensor> states_of(const Parameters& parameters, const char* key);

/** Throws ERR_ARGUMENT. */
[[noreturn]] void refuse(const std::string& message);
/** The checks of `fused` and of a tensor as `lr` that Python's constructors share. */
void check_lr(const Values& defaults);
void check_fused(const Values& defaults);

}  // namespace libtorch_node
