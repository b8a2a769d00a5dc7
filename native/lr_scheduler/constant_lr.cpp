// torch.optim.lr_scheduler.ConstantLR. Source: torch/optim/lr_scheduler.py, ConstantLR, PyTorch 2.13 (cf30153c).
#include "core/error.h"
#include "lr_scheduler/scheduler.h"

namespace libtorch_node {

static const Registered<SchedulerRow> kConstantLr{{
    .name = "ConstantLR",
    .doc = "Multiplies the learning rate of every group by `factor` until epoch `totalIters`",
    .options = {{"factor", 1.0 / 3, "factor of the rates until then, 0 to 1"},
                {"total_iters", int64_t{5}, "epochs with the factor"},
                {"last_epoch", int64_t{-1}, "epoch of the last step; -1 starts from the beginning"}},
    .state = {"factor", "total_iters", "base_lrs", "last_epoch", "_step_count", "_is_initial",
              "_get_lr_called_within_step", "_last_lr"},
    .check =
        [](const Values& o) {
          if (o.real("factor") > 1.0 || o.real("factor") < 0) {
            fail_argument("Constant multiplicative factor expected to be between 0 and 1.");
          }
        },
    .lr =
        [](const Values& o, const LrPoint& at) {
          if (at.epoch == 0) return at.lr * o.real("factor");
          if (at.epoch != o.real("total_iters")) return at.lr;
          return at.lr * divide(1.0, o.real("factor"));
        },
    .closed_form =
        [](const Values& o, const LrPoint& at) {
          const double factor = o.real("factor");
          return at.base_lr * (factor + (at.epoch >= o.real("total_iters") ? 1.0 : 0.0) * (1 - factor));
        },
}};

}  // namespace libtorch_node
