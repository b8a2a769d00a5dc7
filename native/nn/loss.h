#pragma once
#include <ATen/core/Tensor.h>
#include <torch/arg.h>

#include <string>

#include "nn/module.h"

/** What losses share: reductions in both of Python's forms, and its warnings. Source: torch/nn/_reduction.py, 2.13. */
namespace libtorch_node::layers {

/** Any word is taken, as in Python, where `forward` is what refuses it. */
struct Reduction {
  std::string name = "mean";
};
/** With 'batchmean', too. */
struct BatchReduction : Reduction {};

template <class R>
struct ReductionForm : Form<std::string> {
  static std::string gives() { return Form<R>::accepts(); }
  static R read(const Napi::Value& v, const std::string& where) { return {Form<std::string>::read(v, where)}; }
  static Napi::Value write(Napi::Env env, const R& v) { return Form<std::string>::write(env, v.name); }
  static std::string python(const R& v) { return v.name; }
};
template <>
struct Form<Reduction> : ReductionForm<Reduction> {
  static std::string accepts() { return "'none' | 'mean' | 'sum'"; }
};
template <>
struct Form<BatchReduction> : ReductionForm<BatchReduction> {
  static std::string accepts() { return "'none' | 'mean' | 'sum' | 'batchmean'"; }
  static BatchReduction read(const Napi::Value& v, const std::string& where) {
    return {{Form<std::string>::read(v, where)}};
  }
};

/** ATen's number for a reduction. ERR_ARGUMENT in Python's words for an unknown one. */
int64_t reduction_number(const Reduction& reduction);
/** The loss of each element, reduced by one of the three words; `complaint` follows an unknown one in the error. */
at::Tensor reduce(const at::Tensor& loss, const Reduction& reduction, const char* complaint);

inline constexpr const char* kReduction = "'mean', 'sum', or 'none' for a loss of each element";

Argument size_average();
Argument reduce_argument();
/** The old pair of options as the word that it stands for; empty when neither is given. Warns as Python does. */
std::string old_reduction(const Given& given);
/** For `prepare`: the old pair wins over `reduction`. */
template <class Options>
void settle_reduction(Options& options, const Given& given) {
  const auto word = old_reduction(given);
  if (!word.empty()) options.reduction().name = word;
}

/** A warning that is given once for each text, as Python's filters do; each time after torch.setWarnAlways(true). */
void warn_once(const std::string& text);
/** Input and target in one shape, with a warning where they were not. */
std::vector<at::Tensor> broadcast(const at::Tensor& input, const at::Tensor& target);

/** Options of losses that have none but the reduction, and those of every class-weighted loss. */
struct LossOptions {
  TORCH_ARG(Reduction, reduction);
};
struct WeightedLossOptions {
  TORCH_ARG(at::Tensor, weight);
  TORCH_ARG(Reduction, reduction);
};

/** A tensor among the options as the buffer that it is in Python. */
#define OPTION_BUFFER(x) NamedSlot(#x, Kind::kBuffer, 0, [](auto& m) -> auto& { return m.options.x(); })

}  // namespace libtorch_node::layers
