// torch.optim.lr_scheduler.PolynomialLR. Source: torch/optim/lr_scheduler.py, PolynomialLR, PyTorch 2.13 (cf30153c).
#include <algorithm>
#include <cmath>

#include "lr_scheduler/scheduler.h"

namespace libtorch_node {

static const Registered<SchedulerRow> kPolynomialLr{{
    .name = "PolynomialLR",
    .doc = "Lets the learning rates fall to 0 at epoch `totalIters`, as a polynomial of degree `power`",
    .options = {{"total_iters", int64_t{5}, "epochs until 0"},
                {"power", 1.0, "degree of the polynomial"},
                {"last_epoch", int64_t{-1}, "epoch of the last step; -1 starts from the beginning"}},
    .state = {"total_iters", "power", "base_lrs", "last_epoch", "_step_count", "_is_initial",
              "_get_lr_called_within_step", "_last_lr"},
    .lr =
        [](const Values& o, const LrPoint& at) {
          const double total = o.real("total_iters");
          if (at.initial || at.epoch > total) return at.lr;
          const double now = 1.0 - divide(at.epoch, total);
          return at.lr * std::pow(divide(now, 1.0 - (at.epoch - 1) / total), o.real("power"));
        },
    .closed_form =
        [](const Values& o, const LrPoint& at) {
          const double total = o.real("total_iters");
          return at.base_lr * std::pow(1.0 - divide(std::min(total, at.epoch), total), o.real("power"));
        },
}};

}  // namespace libtorch_node
