// What --cfg and --info print, in Hydra's form.
#pragma once

#include <optional>
#include <string>

#include "core/config/compose.h"

namespace frugal::cli {

// which: job, hydra or all. package: only the part at that dotted key, under a "# @package" line.
// Throws Error(kUsage, "bad_value" | "key_not_found").
std::string config_text(const config::Composition& composition, const std::string& which, bool resolve,
                        const std::optional<std::string>& package);
// which: defaults, defaults-tree or searchpath.
std::string info_text(const config::Composition& composition, const std::string& which);

}  // namespace frugal::cli
