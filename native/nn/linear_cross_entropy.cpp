// The cross entropy behind a linear layer in chunks of the batch, so that the scores of all samples are never there at
// once: what nn.LinearCrossEntropyLoss does with `options`, as an operator. Source: torch/nn/modules/
// linear_cross_entropy.py, _ChunkContext and _linear_cross_entropy_batch_chunked_accumulator, PyTorch 2.13 (cf30153c).
// Bits depend on which buffer an intermediate lives in, so the buffers and their dtypes are Python's.
#include <ATen/Functions.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <limits>
#include <string>

#include "core/dtype.h"
#include "core/error.h"

namespace libtorch_node {

namespace {

using at::ScalarType;
using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/** What both kinds of reduction are called with; undefined tensors where there is no bias, weight or upstream. */
struct Call {
  Tensor input, linear_weight, target, linear_bias, weight;
  std::string reduction;
  int64_t ignore_index, chunk_size;
  std::string policy;
  ScalarType acc_dtype;
  bool input_grad = false, weight_grad = false, bias_grad = false;
  /** Gradient of the loss of each sample, in the backward pass without reduction. */
  Tensor upstream = {};
};

struct Result {
  Tensor loss, input_grad, weight_grad, bias_grad;
};

Tensor empty_if(bool wanted, at::IntArrayRef sizes, ScalarType dtype, const Tensor& like) {
  return wanted ? at::empty(sizes, like.options().dtype(dtype)) : Tensor();
}

/** The chunked loop: dtypes and buffers for a call, and the arithmetic over them. */
class Chunks {
 public:
  explicit Chunks(const Call& call) : c(call), dtype(call.input.scalar_type()), acc(call.acc_dtype) {
    mixed = dtype != acc;
    const bool half = dtype == at::kHalf || dtype == at::kBFloat16;
    if (mixed && !(half && acc == at::kFloat)) {
      fail("ERR_DTYPE", std::string("linear_cross_entropy supports float32 acc_dtype with float16/bfloat16 inputs, "
                                    "but got torch.") +
                            dtype_name(acc) + " acc_dtype and torch." + dtype_name(dtype) + " inputs.");
    }
    choose_dtypes();
    make_buffers();
    corrected_target = c.ignore_index < 0 || c.ignore_index >= classes() ? at::where(mask(), 0, c.target) : c.target;
    factor = row_factor();
  }

  /** The loss of each sample alone. */
  Result losses() {
    auto out = at::empty({c.input.size(0)}, c.input.options());
    each_chunk([&](int64_t start, int64_t size) {
      auto logits = shifted_logits(start, size);
      const auto at_target = logits.gather(1, targets(start, size).unsqueeze(1)).squeeze(1);
      auto loss = logits.exp_().sum(1, false, acc);
      loss.log_().sub_(at_target.to(loss.scalar_type()));
      loss.mul_(factor.narrow(0, start, size).to(loss.scalar_type()));
      out.narrow(0, start, size).copy_(loss);
    });
    return {out, {}, {}, {}};
  }

  /** The reduced loss, and the gradients that were asked for. */
  Result reduced() {
    auto loss = at::zeros({}, c.input.options().dtype(output_dtype));
    if (c.reduction == "mean" && c.input.size(0) == 0) loss.fill_(std::numeric_limits<double>::quiet_NaN());
    const bool any_grad = c.input_grad || c.weight_grad || c.bias_grad;
    each_chunk([&](int64_t start, int64_t size) {
      auto logits = shifted_logits(start, size);
      const auto target = targets(start, size);
      const auto w = factor.narrow(0, start, size);
      loss.add_(w.dot(logits.gather(1, target.unsqueeze(1)).squeeze(1).to(w.scalar_type())));
      auto denominator = logits.exp_().sum(1, false, acc);
      if (any_grad) {
        auto share = row_buffer.narrow(0, 0, size);
        at::div_out(share, w, denominator);
        at::mul_out(logits, logits, share.unsqueeze(1));
      }
      loss.sub_(w.to(denominator.scalar_type()).dot(denominator.log_()));
      // The order matters: the gradient of the weight may write over the logits.
      if (c.bias_grad) add_bias_grad(logits, target, w);
      lowered = Tensor();
      if (c.input_grad) add_input_grad(logits, target, w, start, size);
      if (c.weight_grad) add_weight_grad(logits, target, w, start, size);
    });
    return {loss.to(dtype), c.input_grad ? input_grad.to(dtype) : Tensor(), weight_grad, bias_grad};
  }

 private:
  const Call& c;
  ScalarType dtype, acc;
  bool mixed, cuda, mps;
  ScalarType output_dtype, input_grad_dtype, logits_dtype, factor_dtype, cast_dtype;
  bool keep_weight_grad, input_grad_by_copy, acc_input, forward_acc_input, lowered_for_input, temp_in_logits;

  Tensor corrected_target, factor, weight_cast, bias_cast, input_acc;
  Tensor logits_buffer, row_buffer, acc_buffer, logits_acc, input_grad_buffer, weight_grad_buffer, bias_grad_buffer;
  Tensor input_grad, weight_grad, bias_grad;
  /** The logits in the dtype of the weight; made once for a chunk, after the last change to them. */
  Tensor lowered;

  int64_t classes() const { return c.linear_weight.size(0); }
  int64_t features() const { return c.input.size(1); }
  Tensor mask() const { return c.target == c.ignore_index; }
  Tensor targets(int64_t start, int64_t size) const { return corrected_target.narrow(0, start, size); }

  void choose_dtypes() {
    cuda = c.input.is_cuda();
    mps = c.input.is_mps();
    const bool lean = c.policy == "balanced" || c.policy == "compact";
    output_dtype = input_grad_dtype = logits_dtype = factor_dtype = dtype;
    if (mixed) {
      if (dtype == at::kHalf) output_dtype = acc;
      if (!lean) input_grad_dtype = acc;
      if (!(dtype == at::kHalf && lean)) logits_dtype = acc;
      factor_dtype = acc;
    }
    const bool cast = mixed && (!cuda || (c.input_grad && input_grad_dtype == logits_dtype));
    cast_dtype = cast ? logits_dtype : dtype;
    keep_weight_grad = c.weight_grad && !(c.policy == "compact" && (cuda || logits_dtype == dtype));
    input_grad_by_copy = c.input_grad && !cuda && (input_grad_dtype != cast_dtype || mps);
    acc_input = mixed && (c.weight_grad || (!cuda && dtype != logits_dtype));
    forward_acc_input = mixed && !cuda && dtype != logits_dtype;
    lowered_for_input = cuda && c.input_grad && logits_dtype != input_grad_dtype;
    temp_in_logits = !keep_weight_grad && mixed &&
                     classes() * static_cast<int64_t>(c10::elementSize(logits_dtype)) >=
                         features() * static_cast<int64_t>(c10::elementSize(dtype));
  }

  void make_buffers() {
    const auto rows = c.chunk_size;
    const auto& like = c.input;
    logits_buffer = empty_if(true, {rows, classes()}, logits_dtype, like);
    row_buffer = empty_if(true, {rows}, logits_dtype, like);
    acc_buffer = empty_if(acc_input, {rows, features()}, acc, like);
    logits_acc = empty_if(keep_weight_grad && !cuda && logits_dtype != acc, {rows, classes()}, acc, like);
    input_grad_buffer = empty_if(input_grad_by_copy, {rows, features()}, cast_dtype, like);
    weight_grad_buffer = empty_if(keep_weight_grad, {classes(), features()}, acc, like);
    input_grad = empty_if(c.input_grad, c.input.sizes(), input_grad_dtype, like);
    if (c.weight_grad) weight_grad = at::zeros(c.linear_weight.sizes(), like.options());
    if (c.bias_grad) bias_grad = at::zeros({classes()}, like.options());
    if (c.bias_grad && mixed) bias_grad_buffer = at::zeros({classes()}, like.options().dtype(acc));
    weight_cast = c.linear_weight.to(cast_dtype);
    if (c.linear_bias.defined()) bias_cast = c.linear_bias.to(logits_dtype);
  }

  /** What the loss of each sample counts: negative, but for the loss of each sample alone. */
  Tensor row_factor() const {
    Tensor w;
    if (!c.weight.defined()) {
      w = mask().logical_not().to(factor_dtype);
    } else if (corrected_target.numel() > c.weight.numel()) {
      w = at::where(mask(), 0, c.weight.to(factor_dtype).index_select(0, corrected_target));
    } else {
      w = at::where(mask(), 0, c.weight.index_select(0, corrected_target).to(factor_dtype));
    }
    if (c.reduction == "mean") {
      const auto sum = w.sum();
      w.div_(at::where(sum == 0, std::numeric_limits<double>::quiet_NaN(), sum.neg()));
    } else if (c.reduction == "sum") {
      w.neg_();
    } else if (c.upstream.defined()) {
      w.neg_().mul_(c.upstream.to(factor_dtype));
    }
    return w;
  }

  template <class Body>
  void each_chunk(const Body& body) {
    for (int64_t start = 0; start < c.input.size(0); start += c.chunk_size) {
      const auto size = std::min(c.chunk_size, c.input.size(0) - start);
      if (acc_input) input_acc = acc_buffer.narrow(0, 0, size).copy_(c.input.narrow(0, start, size));
      body(start, size);
      if (input_grad_by_copy) input_grad.narrow(0, start, size).copy_(input_grad_buffer.narrow(0, 0, size));
      if (bias_grad_buffer.defined()) {
        bias_grad.add_(bias_grad_buffer.to(dtype));
        bias_grad_buffer.zero_();
      }
    }
  }

  static void mm(const Tensor& a, const Tensor& b, Tensor out) {
    if (a.scalar_type() == out.scalar_type())
      at::mm_out(out, a, b);
    else
      at::mm_out(out, a, b, out.scalar_type());
  }

  /** The scores of a chunk less the largest of each row. */
  Tensor shifted_logits(int64_t start, int64_t size) {
    auto logits = logits_buffer.narrow(0, 0, size);
    const auto input = forward_acc_input ? input_acc : c.input.narrow(0, start, size);
    mm(input, (cuda && mixed ? c.linear_weight : weight_cast).t(), logits);
    if (bias_cast.defined()) logits.add_(bias_cast);
    auto largest = row_buffer.narrow(0, 0, size).unsqueeze(1);
    at::amax_out(largest, logits, 1, true);
    return logits.sub_(largest);
  }

  void add_bias_grad(const Tensor& logits, const Tensor& target, const Tensor& w) {
    auto& sum = mixed ? bias_grad_buffer : bias_grad;
    sum.sub_(logits.sum(0, false, mixed ? acc : dtype));
    sum.index_add_(0, target, w);
  }

  Tensor lower(const Tensor& logits) {
    if (!lowered.defined()) lowered = logits.to(c.linear_weight.scalar_type());
    return lowered;
  }

  void add_input_grad(const Tensor& logits, const Tensor& target, const Tensor& w, int64_t start, int64_t size) {
    auto grad = input_grad_by_copy ? input_grad_buffer.narrow(0, 0, size) : input_grad.narrow(0, start, size);
    at::mul_out(grad, weight_cast.index_select(0, target), w.to(grad.scalar_type()).unsqueeze(1));
    if (lowered_for_input)
      at::addmm_out(grad, grad, lower(logits), c.linear_weight, 1, -1);
    else
      at::addmm_out(grad, grad, logits, weight_cast, 1, -1);
  }

  void add_weight_grad(const Tensor& logits, const Tensor& target, const Tensor& w, int64_t start, int64_t size) {
    const auto plain = c.input.narrow(0, start, size);
    auto wide = acc_input ? input_acc : plain;
    if (keep_weight_grad) {
      const bool same = cuda || logits_dtype == acc;
      const auto scores = same ? logits : logits_acc.narrow(0, 0, size).copy_(logits);
      mm(scores.t(), cuda && logits_dtype != acc ? plain : wide, weight_grad_buffer);
      weight_grad_buffer.index_add_(0, target, weighted(wide, w), -1);
      weight_grad.sub_(weight_grad_buffer);
      return;
    }
    weight_grad.addmm_((logits_dtype == dtype ? logits : lower(logits)).t(), plain, 1, -1);
    auto rows = weighted(wide, w);
    if (rows.scalar_type() != dtype) {
      rows = temp_in_logits ? logits_buffer.view(dtype).narrow(0, 0, size).narrow(1, 0, features()).copy_(rows)
                            : rows.to(dtype);
    }
    weight_grad.index_add_(0, target, rows, 1);
  }

  Tensor weighted(Tensor rows, const Tensor& w) {
    if (mixed) return rows.mul_(w.unsqueeze(1));
    if (classes() < features()) return rows * w.unsqueeze(1);
    auto out = logits_buffer.narrow(0, 0, rows.size(0)).narrow(1, 0, features());
    return at::mul_out(out, rows, w.unsqueeze(1));
  }
};

/** 'mean' and 'sum': forward makes the gradients, backward scales them. */
struct Reduced : Function<Reduced> {
  static Tensor forward(AutogradContext* ctx, const Tensor& input, const Tensor& linear_weight,
                        const std::optional<Tensor>& linear_bias, const Call* call, bool retain) {
    (void)input, (void)linear_weight, (void)linear_bias;
    auto result = Chunks(*call).reduced();
    ctx->saved_data["retain"] = retain;
    const std::pair<const char*, Tensor&> grads[] = {
        {"0", result.input_grad}, {"1", result.weight_grad}, {"2", result.bias_grad}};
    for (const auto& [key, grad] : grads) {
      if (grad.defined()) ctx->saved_data[key] = grad;
    }
    return result.loss;
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& upstream) {
    variable_list result(5);
    const bool retain = ctx->saved_data["retain"].toBool();
    for (size_t i = 0; i < 3; ++i) {
      const auto found = ctx->saved_data.find(std::to_string(i));
      if (found == ctx->saved_data.end()) continue;
      if (found->second.isNone()) {
        fail("ERR_TORCH",
             "linear_cross_entropy chunked backward called twice; retain_graph=True / double backward are not "
             "supported.");
      }
      auto grad = found->second.toTensor();
      if (!retain) found->second = at::IValue();
      result[i] = retain ? grad * upstream[0] : grad.mul_(upstream[0]);
    }
    return result;
  }
};

/** 'none': backward goes through the chunks once more, as the gradient of each sample is not known before. */
struct Unreduced : Function<Unreduced> {
  static Tensor forward(AutogradContext* ctx, const Tensor& input, const Tensor& linear_weight,
                        const std::optional<Tensor>& linear_bias, const Call* call) {
    (void)input, (void)linear_weight, (void)linear_bias;
    ctx->save_for_backward({call->input, call->linear_weight, call->target, call->linear_bias, call->weight});
    ctx->saved_data["ignore_index"] = call->ignore_index;
    ctx->saved_data["chunk_size"] = call->chunk_size;
    ctx->saved_data["policy"] = call->policy;
    ctx->saved_data["acc_dtype"] = static_cast<int64_t>(call->acc_dtype);
    auto losses = *call;
    losses.input_grad = losses.weight_grad = losses.bias_grad = false;
    return Chunks(losses).losses().loss;
  }
  static variable_list backward(AutogradContext* ctx, const variable_list& upstream) {
    const auto saved = ctx->get_saved_variables();
    const bool bias = saved[3].defined();
    const Call call{.input = saved[0],
                    .linear_weight = saved[1],
                    .target = saved[2],
                    .linear_bias = saved[3],
                    .weight = saved[4],
                    .reduction = "none",
                    .ignore_index = ctx->saved_data["ignore_index"].toInt(),
                    .chunk_size = ctx->saved_data["chunk_size"].toInt(),
                    .policy = ctx->saved_data["policy"].toStringRef(),
                    .acc_dtype = static_cast<ScalarType>(ctx->saved_data["acc_dtype"].toInt()),
                    .input_grad = ctx->needs_input_grad(0),
                    .weight_grad = ctx->needs_input_grad(1),
                    .bias_grad = bias && ctx->needs_input_grad(2),
                    .upstream = upstream[0]};
    auto result = Chunks(call).reduced();
    return {result.input_grad, result.weight_grad, result.bias_grad, Tensor()};
  }
};

Tensor chunked(const Tensor& input, const Tensor& linear_weight, const Tensor& target,
               const std::optional<Tensor>& linear_bias, const std::optional<Tensor>& weight, std::string reduction,
               int64_t ignore_index, int64_t batch_chunk_size, std::string acc_policy, ScalarType acc_dtype,
               bool allow_retain_graph) {
  if (target.scalar_type() != at::kLong) {
    fail("ERR_DTYPE", std::string("linear_cross_entropy: target dtype must be torch.int64, got torch.") +
                          dtype_name(target.scalar_type()) + ".");
  }
  if (input.dim() != 2 || linear_weight.dim() != 2 || batch_chunk_size < 1)
    fail("ERR_SHAPE", "linear_cross_entropy: expected matrices and a positive size of chunks");
  const auto wants = [on = at::GradMode::is_enabled()](const Tensor& t) { return on && t.requires_grad(); };
  const auto plain = [](const std::optional<Tensor>& t) { return t && t->defined() ? t->detach() : Tensor(); };
  const Call call{.input = input.detach(),
                  .linear_weight = linear_weight.detach(),
                  .target = target,
                  .linear_bias = plain(linear_bias),
                  .weight = plain(weight),
                  .reduction = std::move(reduction),
                  .ignore_index = ignore_index,
                  .chunk_size = batch_chunk_size,
                  .policy = std::move(acc_policy),
                  .acc_dtype = acc_dtype,
                  .input_grad = wants(input),
                  .weight_grad = wants(linear_weight),
                  .bias_grad = linear_bias && linear_bias->defined() && wants(*linear_bias)};
  if (call.reduction == "none") return Unreduced::apply(input, linear_weight, linear_bias, &call);
  return Reduced::apply(input, linear_weight, linear_bias, &call, allow_retain_graph);
}

TORCH_LIBRARY_FRAGMENT(libtorch_node, m) {
  m.def(
      "linear_cross_entropy_chunked(Tensor input, Tensor linear_weight, Tensor target, Tensor? linear_bias, Tensor? "
      "weight, str reduction, int ignore_index, int batch_chunk_size, str acc_policy, ScalarType acc_dtype, bool "
      "allow_retain_graph) -> Tensor",
      &chunked);
}

}  // namespace

}  // namespace libtorch_node
