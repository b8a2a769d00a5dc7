#pragma once
#include "optim/implementation.h"

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

inline constexpr const char* kNoSparse = "Adam does not support sparse gradients, please consider SparseAdam instead";

}  // namespace libtorch_node::adam
