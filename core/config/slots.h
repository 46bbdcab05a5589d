// Types of the slots of Hydra's own node, and what they accept.
#pragma once

#include "core/config/node.h"

namespace frugal::config {

// The value as the slot holds it ("5" for 5 in a text slot). Throws invalid_type.
NodePtr converted(SlotType slot, bool optional, NodePtr value);
// A new value takes over the type of the one that it replaces.
void inherit_slot(Node& value, const Node& old);

}  // namespace frugal::config
