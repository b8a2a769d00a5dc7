#pragma once
#include <napi.h>

#include "ops/schema.h"

namespace libtorch_node {

/** The functions of one operator, see OperatorFunctions in binding.d.ts. */
Napi::Value make_operator_functions(Napi::Env env, const Operator& op);

}  // namespace libtorch_node
