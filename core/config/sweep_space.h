// The values that one override of a sweep takes.
#pragma once

#include <string>
#include <vector>

#include "core/config/compose.h"
#include "core/config/override.h"
#include "core/config/source.h"

namespace frugal::config {

// "key=value" for every value, in order. Globs look the group's options up in the sources.
// Throws unsupported_sweep for an interval, which has no list of values.
std::vector<std::string> sweep_values(const Override& item, const std::vector<std::shared_ptr<ConfigSource>>& sources);
// The values alone, as text ready for an override.
std::vector<std::string> sweep_texts(const Sweep& sweep);
// Shell pattern: * ? [abc] [!abc].
bool matches_pattern(std::string_view text, std::string_view pattern);

}  // namespace frugal::config
