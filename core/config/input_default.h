// One element of a defaults list, as it was written and where it stands in the tree.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/config/node.h"

namespace frugal::config {

struct InputDefault {
  enum class Kind { kVirtualRoot, kConfig, kGroup };

  Kind kind = Kind::kConfig;
  std::string path;                  // config path, or group; absolute with a leading '/'
  std::optional<std::string> value;  // option of a group; none for null
  std::vector<std::string> options;  // several options of a group
  bool is_options = false;
  std::optional<std::string> package;
  bool primary = false;
  bool optional = false;
  bool override = false;
  bool deleted = false;
  bool external_append = false;  // "+group=option" of the command line
  Mark mark;

  // Filled while the tree is built.
  std::string parent_base_dir;
  std::string parent_package;
  std::optional<std::string> package_header;

  bool is_self() const;
  bool is_missing() const;
  bool is_interpolation() const;
  void set_parent(std::string base_dir, std::string package_above);
  void set_package_header(const std::string& header);

  std::optional<std::string> name() const;      // the option, or the last part of the path
  std::string group_path() const;               // "db" of "db/mysql", from the root
  std::string config_path() const;              // "db/mysql", from the root
  std::string final_package(bool with_header = true) const;
  std::string override_key() const;             // "db" or "db@package", what an override must say
  std::optional<std::string> declared_package() const;

 private:
  std::string relative_group() const;
};

// The defaults list of one file. Throws invalid_defaults.
std::vector<InputDefault> read_defaults(const std::string& config_path, const Node& defaults);

}  // namespace frugal::config
