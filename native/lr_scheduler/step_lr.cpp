// torch.optim.lr_scheduler.StepLR. Source: torch/optim/lr_scheduler.py, StepLR, PyTorch 2.13 (cf30153c).
#include <cmath>

#include "lr_scheduler/scheduler.h"

namespace libtorch_node {

static const Registered<SchedulerRow> kStepLr{{
    .name = "StepLR",
    .doc = "Multiplies the learning rate of every group by `gamma` each `stepSize` epochs",
    .options = {{"step_size", Required{"int"}, "epochs between two decays, > 0", "number"},
                {"gamma", 0.1, "factor of a decay"},
                {"last_epoch", int64_t{-1}, "epoch of the last step; -1 starts from the beginning"}},
    .state = {"step_size", "gamma", "base_lrs", "last_epoch", "_step_count", "_is_initial",
              "_get_lr_called_within_step", "_last_lr"},
    .lr =
        [](const Values& o, const LrPoint& at) {
          if (at.epoch == 0 || modulo(at.epoch, o.real("step_size")) != 0) return at.lr;
          return at.lr * o.real("gamma");
        },
    .closed_form =
        [](const Values& o, const LrPoint& at) {
          return at.base_lr * std::pow(o.real("gamma"), floor_divide(at.epoch, o.real("step_size")));
        },
}};

}  // namespace libtorch_node
