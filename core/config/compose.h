// The config engine's front door: compose(request) gives the config that Hydra 1.3 would give.
//
//   ComposeRequest request{.config_dirs = {"configs"}, .config_name = "config", .overrides = {"method=tfmq",
//   "seed=3"}}; Composition composition = compose(request);            // throws frugal::Error, code() as in
//   docs/config.md auto json = to_json(*composition.config->find("method"), Resolve::kYes);
//   composition.where("method.bits");                      // "configs/method/tfmq.yaml:4:7" or "override
//   'method.bits=4'"
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config/node.h"
#include "core/config/source.h"

namespace frugal::config {

struct ComposeRequest {
  std::vector<std::filesystem::path> config_dirs;             // the first is primary, later ones extend the search path
  std::vector<std::shared_ptr<ConfigSource>> more_sources{};  // asked after the directories (compiled-in trees)
  std::optional<std::string> config_name = "config";
  std::vector<std::string> overrides{};
  bool multirun = false;                // sweep overrides are allowed and ignored, missing choices are skipped
  std::string job_name = "frugal";      // hydra.job.name unless the config says otherwise
  std::optional<int64_t> job_number{};  // hydra.job.num, and hydra.job.id with it, of a job of a sweep
};

// One line of the final defaults list, as `--info defaults` shows it.
struct ResultDefault {
  std::string config_path;
  std::string package;
  std::optional<std::string> parent;
  bool is_self = false;
  bool primary = false;
  std::optional<std::string> override_key;
};

// A node of the defaults tree, as `--info defaults-tree` shows it.
struct DefaultsTree {
  std::string label;  // "db: mysql", "_self_", "config"
  std::vector<DefaultsTree> children{};
};

struct SearchPathEntry {
  std::string provider, path;
};

struct Composition {
  NodePtr config;  // root dict with the hydra node, interpolations in place
  std::vector<std::pair<std::string, NodePtr>>
      choices;  // group -> option (string, list or null), Hydra's runtime.choices
  std::vector<std::string> task_overrides, hydra_overrides;
  std::vector<ResultDefault> defaults;
  DefaultsTree defaults_tree;
  std::vector<SearchPathEntry> search_path;

  // Origin of the value at a dotted key, interpolations not followed; "" when the key does not exist.
  std::string where(std::string_view dotted_key) const;
};

Composition compose(const ComposeRequest& request);

enum class Resolve { kNo, kYes };

// The value at a dotted key ("a.b", "a[0].c"), interpolations resolved, as OmegaConf.select gives it; null pointer
// when there is no such key. Throws missing_value, interpolation_* and so on.
NodePtr select(const NodePtr& root, std::string_view dotted_key);
// A copy of the subtree with every interpolation replaced by its value. Throws interpolation_*; `???` stays.
NodePtr resolve(const NodePtr& node);
// Throws missing_value with the place of the first `???` (interpolations are not followed).
void require_no_missing(const Node& node);

// For programs: NaN and infinities become such doubles (nlohmann prints them as null: use json_text for text).
nlohmann::ordered_json to_json(const Node& node);
// Text as Python's json module writes it, NaN and Infinity literals included.
std::string json_text(const Node& node);
// Text as OmegaConf.to_yaml writes it.
std::string yaml_text(const Node& node);

}  // namespace frugal::config
