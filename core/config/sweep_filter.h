// The expressions of hydra.sweep.filter: "lr < 0.1 and method != 'tfmq' or (bits % 2 == 0)".
#pragma once

#include <string>

#include "core/config/compose.h"

namespace frugal::config {

// Names are dotted keys of the job's config, or groups, which stand for their chosen option. Operators, loosest first:
// or, and, not, comparisons (== != < <= > >= in), + -, * / %, unary -. Literals: numbers, 'texts', true, false, null,
// [lists]. Throws eval_error.
bool passes_filter(const std::string& expression, const Composition& job);

}  // namespace frugal::config
