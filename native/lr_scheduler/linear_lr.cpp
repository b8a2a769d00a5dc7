// torch.optim.lr_scheduler.LinearLR. Source: torch/optim/lr_scheduler.py, LinearLR, PyTorch 2.13 (cf30153c).
#include <algorithm>

#include "core/error.h"
#include "lr_scheduler/scheduler.h"

namespace libtorch_node {

static const Registered<SchedulerRow> kLinearLr{{
    .name = "LinearLR",
    .doc = "Changes the factor of the learning rates evenly from `startFactor` to `endFactor` until epoch `totalIters`",
    .options = {{"start_factor", 1.0 / 3, "factor in the first epoch, more than 0 and at most 1"},
                {"end_factor", 1.0, "factor at the end, 0 to 1"},
                {"total_iters", int64_t{5}, "epochs until the end"},
                {"last_epoch", int64_t{-1}, "epoch of the last step; -1 starts from the beginning"}},
    .state = {"start_factor", "end_factor", "total_iters", "base_lrs", "last_epoch", "_step_count", "_is_initial",
              "_get_lr_called_within_step", "_last_lr"},
    .check =
        [](const Values& o) {
          if (o.real("start_factor") > 1.0 || o.real("start_factor") <= 0) {
            fail_argument("Starting multiplicative factor expected to be greater than 0 and less or equal to 1.");
          }
          if (o.real("end_factor") > 1.0 || o.real("end_factor") < 0) {
            fail_argument("Ending multiplicative factor expected to be between 0 and 1.");
          }
        },
    .lr =
        [](const Values& o, const LrPoint& at) {
          const double start = o.real("start_factor");
          const double end = o.real("end_factor");
          const double total = o.real("total_iters");
          if (at.epoch == 0) return at.lr * start;
          if (at.initial || at.epoch > total) return at.lr;
          return at.lr * (1.0 + divide(end - start, total * start + (at.epoch - 1) * (end - start)));
        },
    .closed_form =
        [](const Values& o, const LrPoint& at) {
          const double start = o.real("start_factor");
          const double total = o.real("total_iters");
          return at.base_lr * (start + divide((o.real("end_factor") - start) * std::min(total, at.epoch), total));
        },
}};

}  // namespace libtorch_node
