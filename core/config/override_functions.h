// The functions of override values, by subject. Each throws eval_error for arguments that it does not take.
#pragma once

#include "core/config/override.h"

namespace frugal::config::functions {

// Casts of a value, of each in a list, dict or sweep, or of several values to a sweep of them.
Element cast_to_int(FunctionCall& call);
Element cast_to_float(FunctionCall& call);
Element cast_to_str(FunctionCall& call);
Element cast_to_bool(FunctionCall& call);
// Of a number, bool or text, by Python's float().
NodePtr as_float(const Node& value);

// Makers of sweeps, and tags.
Element choice(FunctionCall& call);
Element range(FunctionCall& call);
Element interval(FunctionCall& call);
Element glob(FunctionCall& call);
Element tag(FunctionCall& call);

// The order of a sweep's values, or of a list's.
Element shuffle(FunctionCall& call);
Element sort(FunctionCall& call);

}  // namespace frugal::config::functions
