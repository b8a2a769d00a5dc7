// torch.optim.lr_scheduler.CosineAnnealingLR. Source: torch/optim/lr_scheduler.py, CosineAnnealingLR, PyTorch 2.13
// (cf30153c).
#include <cmath>

#include "lr_scheduler/scheduler.h"

namespace libtorch_node {

static const Registered<SchedulerRow> kCosineAnnealingLr{{
    .name = "CosineAnnealingLR",
    .doc = "Lets the learning rates fall to `etaMin` within `TMax` epochs along half a cosine wave, and rise again",
    .options = {{"T_max", Required{"int"}, "epochs of half a wave", "number"},
                {"eta_min", 0.0, "lowest rate"},
                {"last_epoch", int64_t{-1}, "epoch of the last step; -1 starts from the beginning"}},
    .state = {"T_max", "eta_min", "base_lrs", "last_epoch", "_step_count", "_is_initial", "_get_lr_called_within_step",
              "_last_lr"},
    .lr =
        [](const Values& o, const LrPoint& at) {
          const double half = o.real("T_max");
          const double low = o.real("eta_min");
          if (at.initial) return at.lr;
          if (at.step_count == 1 && at.epoch > 0) {
            return low + (at.base_lr - low) * (1 + std::cos(divide(at.epoch * M_PI, half))) / 2;
          }
          if (modulo(at.epoch - 1 - half, 2 * half) == 0) {
            return at.lr + (at.base_lr - low) * (1 - std::cos(M_PI / half)) / 2;
          }
          return divide(1 + std::cos(M_PI * at.epoch / half), 1 + std::cos(M_PI * (at.epoch - 1) / half)) *
                     (at.lr - low) +
                 low;
        },
    .closed_form =
        [](const Values& o, const LrPoint& at) {
          const double low = o.real("eta_min");
          return low + (at.base_lr - low) * (1 + std::cos(divide(M_PI * at.epoch, o.real("T_max")))) / 2;
        },
}};

}  // namespace libtorch_node
