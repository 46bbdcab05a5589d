// Configs by path, from the first source that has them, each read once.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/config/input_default.h"
#include "core/config/source.h"

namespace frugal::config {

struct LoadedConfig {
  NodePtr config;  // without its defaults list
  std::optional<std::string> package_header;
  std::vector<InputDefault> defaults;
};

class Repository {
 public:
  explicit Repository(std::vector<std::shared_ptr<ConfigSource>> sources) : sources_(std::move(sources)) {}

  // Null when no source has it. Throws yaml_error, grammar_error, invalid_defaults.
  const LoadedConfig* load(const std::string& config_path);
  bool group_exists(std::string_view group) const;
  bool config_exists(std::string_view config_path) const;
  std::vector<std::string> list(std::string_view group, ObjectType what) const;
  const std::vector<std::shared_ptr<ConfigSource>>& sources() const { return sources_; }
  // Configs already read stay, as in Hydra.
  void set_sources(std::vector<std::shared_ptr<ConfigSource>> sources) { sources_ = std::move(sources); }

 private:
  std::vector<std::shared_ptr<ConfigSource>> sources_;
  std::map<std::string, std::unique_ptr<LoadedConfig>> cache_;
};

}  // namespace frugal::config
