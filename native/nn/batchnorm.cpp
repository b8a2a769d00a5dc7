// BatchNorm1d, BatchNorm2d, BatchNorm3d, SyncBatchNorm. Source: torch/nn/modules/batchnorm.py, _BatchNorm and
// SyncBatchNorm, PyTorch 2.13 (cf30153c).
#include <ATen/Context.h>
#include <ATen/Functions.h>

#include "core/error.h"
#include "nn/norm.h"

namespace libtorch_node::layers {

namespace {

void check_eps(double eps, bool by_batch) {
  if (by_batch && eps <= 0)
    fail_argument("batch_norm eps must be positive during training, but got " + python_float(eps));
  if (eps < 0) fail_argument("batch_norm eps must be non-negative, but got " + python_float(eps));
}

void check_batch(c10::IntArrayRef sizes) {
  int64_t values = sizes[0];
  for (size_t i = 2; i < sizes.size(); ++i) values *= sizes[i];
  if (values == 1)
    fail("ERR_SHAPE", "Expected more than 1 value per channel when training, got input size " + size_text(sizes));
}

at::Tensor batch_norm(Norm& m, const at::Tensor& input) {
  const auto& options = m.options;
  double factor = options.momentum().value_or(0);
  const bool tracked = options.track_running_stats();
  if (m.is_training() && tracked && m.num_batches_tracked.defined()) {
    m.num_batches_tracked.add_(1);
    if (!options.momentum()) factor = 1.0 / m.num_batches_tracked.item<double>();  // the plain average of all batches
  }
  const bool by_batch = m.is_training() || (!m.running_mean.defined() && !m.running_var.defined());
  if (by_batch) check_batch(input.sizes());
  check_eps(options.eps(), by_batch);
  // Statistics that are not tracked must not be updated.
  const bool use_buffers = !m.is_training() || tracked;
  return at::batch_norm(input, m.weight, m.bias, use_buffers ? m.running_mean : at::Tensor(),
                        use_buffers ? m.running_var : at::Tensor(), by_batch, factor, options.eps(),
                        at::globalContext().userEnabledCuDNN());
}

Row batch_norm_row(const char* name, const char* doc, std::initializer_list<int64_t> dims) {
  return norm_row({.name = name,
                   .doc = doc,
                   .seed = NormOptions(true, true),
                   .forward = [dims = std::vector<int64_t>(dims)](Norm& m, const at::Tensor& input) {
                     check_dims(input, dims);
                     return batch_norm(m, input);
                   }});
}

}  // namespace

static const Registered<Row> kBatchNorm1d{batch_norm_row(
    "BatchNorm1d", "Normalises each channel over the batch.\nShape: `(N, C)` or `(N, C, L)` → the same.", {2, 3})};
static const Registered<Row> kBatchNorm2d{batch_norm_row(
    "BatchNorm2d", "Normalises each channel of images over the batch.\nShape: `(N, C, H, W)` → the same.", {4})};
static const Registered<Row> kBatchNorm3d{batch_norm_row(
    "BatchNorm3d", "Normalises each channel of volumes over the batch.\nShape: `(N, C, D, H, W)` → the same.", {5})};

// Python goes to the other processes only where torch.distributed is initialised; there is none here.
static const Registered<Row> kSyncBatchNorm{norm_row(
    {.name = "SyncBatchNorm",
     .doc = "BatchNorm over the batches of several processes. In one process, as here, it is that of its own batch.\n"
            "Shape: `(N, C, *)` → the same.",
     .seed = NormOptions(true, true),
     .forward =
         [](Norm& m, const at::Tensor& input) {
           if (input.dim() < 2)
             fail("ERR_SHAPE", "expected at least 2D input (got " + std::to_string(input.dim()) + "D input)");
           if (input.size(1) == 0) fail("ERR_SHAPE", "SyncBatchNorm number of input channels should be non-zero");
           if (m.is_training() && m.options.track_running_stats() && !m.num_batches_tracked.defined())
             fail_argument("num_batches_tracked must not be None");
           return batch_norm(m, input);
         },
     .more = {constructor_only("process_group", "null", "the processes that share statistics; only null: this one")}})};

}  // namespace libtorch_node::layers
