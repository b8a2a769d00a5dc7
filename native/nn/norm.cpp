#include "nn/norm.h"

#include <ATen/Functions.h>
#include <torch/nn/init.h>

#include "core/error.h"

namespace libtorch_node::layers {

void Norm::reset() {
  const auto n = options.num_features();
  if (options.affine()) {
    weight = at::empty({n}).set_requires_grad(true);
    if (options.bias()) bias = at::empty({n}).set_requires_grad(true);
  }
  if (options.track_running_stats()) {
    running_mean = at::zeros({n});
    running_var = at::ones({n});
    num_batches_tracked = at::zeros({}, at::kLong);
  }
  if (weight.defined()) nn::init::ones_(weight);
  if (bias.defined()) nn::init::zeros_(bias);
}

Row norm_row(NormSpec spec) {
  std::vector<ArgumentOf<NormOptions>> arguments{
      REQ(num_features, "number of channels C of the input, > 0"),
      OPT(eps, "added to the variance, so that nothing is divided by zero; >= 0"),
      OPT(momentum,
          "share of the newest batch in the running statistics, in [0, 1]; null: the plain average of all "
          "batches (InstanceNorm: none)"),
      OPT(affine, "whether a scale and a shift are learned; without, `weight` and `bias` are null"),
      OPT(track_running_stats,
          "whether running statistics are kept for eval(); without, those of the input serve there, too")};
  arguments.insert(arguments.end(), spec.more.begin(), spec.more.end());
  arguments.insert(arguments.end(), {DEVICE, DTYPE, KEYWORD(bias, "whether a shift is learned beside the scale")});
  return row<Norm, NormOptions>({
      .name = spec.name,
      .doc = spec.doc,
      .seed = spec.seed,
      .arguments = std::move(arguments),
      .tensors = {PARAMETER(weight), PARAMETER(bias), BUFFER(running_mean), BUFFER(running_var),
                  BUFFER_SINCE(num_batches_tracked, 2)},
      .version = 2,
      .repr = text("{num_features}, eps={eps}, momentum={momentum}, affine={affine}, bias={bias}, "
                   "track_running_stats={track_running_stats}"),
      .forward = [forward = std::move(spec.forward)](Norm& m, Inputs in) { return forward(m, in[0]); },
  });
}

void check_dims(const at::Tensor& input, c10::IntArrayRef dims) {
  if (std::ranges::find(dims, input.dim()) != dims.end()) return;
  std::string expected;
  for (const auto dim : dims) expected += (expected.empty() ? "" : " or ") + std::to_string(dim) + "D";
  fail("ERR_SHAPE", "expected " + expected + " input (got " + std::to_string(input.dim()) + "D input)");
}

std::string size_text(c10::IntArrayRef sizes) {
  std::string text;
  for (const auto size : sizes) text += (text.empty() ? "" : ", ") + std::to_string(size);
  return "torch.Size([" + text + "])";
}

}  // namespace libtorch_node::layers
