// Hydra's own configs, compiled in: the `hydra` node with its groups, so that trees made for Hydra compose as they are.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/config/node.h"
#include "core/config/source.h"

namespace frugal::config {

inline constexpr std::string_view kSchemaProvider = "schema";
inline constexpr std::string_view kHydraConfig = "hydra/config";
inline constexpr std::string_view kEmptyConfig = "_dummy_empty_config_";
inline constexpr std::string_view kHydraVersion = "1.3.5";  // whose behaviour this is
inline constexpr std::string_view kHydraVersionBase = "1.3";

// Asked before the user's directories.
std::shared_ptr<ConfigSource> hydra_source();
// Asked last: the hydra node itself, launchers and sweepers.
std::shared_ptr<ConfigSource> schema_source();
// Gives the slots of the hydra node, as loaded from schema_source(), their types.
void annotate_hydra_slots(const std::string& config_path, Node& config);

}  // namespace frugal::config
