#pragma once
#include "optim/optimizer.h"

/** What Adam and AdamW share; they differ in their arguments and in `decoupled_weight_decay`. */
namespace libtorch_node::adam {

/** The positional arguments, with AdamW's default of `weight_decay`. */
std::vector<Option> options(Literal weight_decay);
std::vector<const char*> defaults();
std::vector<Option> older();
void check(const Values& defaults);
void start(Group& group, Parameter& parameter);
void single(Group& group, const Parameters& parameters);
void foreach (Group& group, const Parameters& parameters);
void fused(Group& group, const Parameters& parameters);

inline const Option kMaximize{"maximize", false, "maximize the objective instead of minimizing it"};
inline const Option kForeach{
    "foreach", {}, "one call for all parameters; `null`: where all of them are on an accelerator", "boolean | null"};
inline const Option kCapturable{"capturable", false,
                                "keep the whole step on the device, for graph capture; not on the CPU"};
inline const Option kDifferentiable{"differentiable", false, "let autograd record the step"};
inline const Option kFused{"fused", {}, "the fused kernel, for floating dtypes", "boolean | null"};
inline constexpr const char* kNoSparse = "Adam does not support sparse gradients, please consider SparseAdam instead";

}  // namespace libtorch_node::adam
