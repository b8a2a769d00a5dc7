// torch.optim.lr_scheduler.ExponentialLR. Source: torch/optim/lr_scheduler.py, ExponentialLR, PyTorch 2.13 (cf30153c).
#include <cmath>

#include "lr_scheduler/scheduler.h"

namespace libtorch_node {

static const Registered<SchedulerRow> kExponentialLr{{
    .name = "ExponentialLR",
    .doc = "Multiplies the learning rate of every group by `gamma` each epoch",
    .options = {{"gamma", Required{"float"}, "factor of a decay", "number"},
                {"last_epoch", int64_t{-1}, "epoch of the last step; -1 starts from the beginning"}},
    .state = {"gamma", "base_lrs", "last_epoch", "_step_count", "_is_initial", "_get_lr_called_within_step",
              "_last_lr"},
    .lr = [](const Values& o, const LrPoint& at) { return at.initial ? at.lr : at.lr * o.real("gamma"); },
    .closed_form = [](const Values& o, const LrPoint& at) { return at.base_lr * std::pow(o.real("gamma"), at.epoch); },
}};

}  // namespace libtorch_node
