// torch.optim.lr_scheduler.MultiStepLR. Source: torch/optim/lr_scheduler.py, MultiStepLR, PyTorch 2.13 (cf30153c).
#include <algorithm>
#include <cmath>

#include "lr_scheduler/scheduler.h"

namespace libtorch_node {

// Milestones come as Python's Counter has them, an epoch and how often it is listed in turn.
static size_t count_of(const Values& o) { return o.at("milestones").toDoubleList().size(); }

static const Registered<SchedulerRow> kMultiStepLr{{
    .name = "MultiStepLR",
    .doc = "Multiplies the learning rate of every group by `gamma` at each of the `milestones`",
    .options = {{"milestones", Required{"Counter"}, "epochs of the decays; one that is listed twice decays twice",
                 "Iterable<number>"},
                {"gamma", 0.1, "factor of a decay"},
                {"last_epoch", int64_t{-1}, "epoch of the last step; -1 starts from the beginning"}},
    .state = {"milestones", "gamma", "base_lrs", "last_epoch", "_step_count", "_is_initial",
              "_get_lr_called_within_step", "_last_lr"},
    .lr =
        [](const Values& o, const LrPoint& at) {
          for (size_t i = 0; i < count_of(o); i += 2) {
            if (o.real("milestones", i) == at.epoch)
              return at.lr * std::pow(o.real("gamma"), o.real("milestones", i + 1));
          }
          return at.lr;
        },
    .closed_form =
        [](const Values& o, const LrPoint& at) {
          double decays = 0;
          for (size_t i = 0; i < count_of(o); i += 2) {
            if (o.real("milestones", i) <= at.epoch) decays += std::max(0.0, o.real("milestones", i + 1));
          }
          return at.base_lr * std::pow(o.real("gamma"), decays);
        },
}};

}  // namespace libtorch_node
