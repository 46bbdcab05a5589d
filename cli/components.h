// The components' declared options, as the front end needs them: as configs to compose from, and as a check of what
// was composed. Links no LibTorch.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/config/compose.h"
#include "core/config/options.h"

namespace frugal::cli {

// One table of options: `configs/options/<name>` is a config with all its keys and defaults.
struct ComponentOptions {
  std::string name;  // text_classification, meft, ...
  std::string node;  // where in a config it stands: experiment, dataset, model, method, device
  std::string title;
  const std::vector<OptionInfo>* infos;
};
std::vector<ComponentOptions> component_options();

// Compiled-in configs: options/<name>.yaml for every table.
std::shared_ptr<config::ConfigSource> options_source();

// Checks every node that a component owns: unknown keys, wrong types, values out of range, keys that no component
// declares. config: resolved. Throws Error(kUsage) with file:line and the nearest valid name.
void check_components(const Json& config, const Locator& where);

// frugal-worker-<flavour> that runs this config: plain, cpu, mpi (cpu in several ranks), cuda.
std::string worker_flavour(const Json& config);

}  // namespace frugal::cli
