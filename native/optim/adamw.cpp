// torch.optim.AdamW. Source: torch/optim/adamw.py, PyTorch 2.13 (cf30153c).
#include "optim/adam.h"

namespace libtorch_node {

static const Registered<OptimizerRow> kAdamW{{
    .name = "AdamW",
    .doc = "Adam whose weight decay acts on the parameters and stays out of the averages",
    .options = adam::options(1e-2),
    .keywords = {kMaximize, kForeach, kCapturable, kDifferentiable, kFused},
    .fixed = {{"decoupled_weight_decay", true, ""}},
    .defaults = adam::defaults(),
    .state = {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"},
    .older = adam::older(),
    .no_sparse = adam::kNoSparse,
    .check = adam::check,
    .start = adam::start,
    .single = adam::single,
    .foreach = adam::foreach,
    .fused = adam::fused,
}};

}  // namespace libtorch_node
