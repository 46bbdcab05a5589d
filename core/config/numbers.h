// Arithmetic on config numbers as Python does it: ints stay ints, floats are swept in decimals.
#pragma once

#include <string>
#include <vector>

#include "core/config/node.h"

namespace frugal::config {

bool is_number(const Node& node);   // bool, int or float
bool is_integral(const Node& node); // bool or int
double as_double(const Node& number);
// a + b, |a|, -a; throws eval_error beyond 64 bits.
NodePtr add(const Node& a, const Node& b);
NodePtr absolute(const Node& number);
NodePtr negated(const Node& number);
bool less(const Node& a, const Node& b);

// start, start + step, ... before stop. With a float among them the sums are decimals of 28 digits, so that
// range(0, 0.3, 0.1) is 0.0, 0.1, 0.2. Throws eval_error for a zero step or more than a million values.
std::vector<NodePtr> range_values(const Node& start, const Node& stop, const Node& step);

}  // namespace frugal::config
