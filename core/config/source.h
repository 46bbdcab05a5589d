// Where configs come from: a directory, or a table compiled into the program.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace frugal::config {

struct SourceFile {
  std::string name;  // for messages: the path as the user would write it
  std::string text;
};

enum class ObjectType { kConfig, kGroup };

// A config path is "db/mysql" or "config": no extension, '/' between groups.
class ConfigSource {
 public:
  virtual ~ConfigSource() = default;
  virtual std::string provider() const = 0;  // "main", "hydra", "schema", "hydra.searchpath in main", ...
  virtual std::string path() const = 0;      // "file:///home/me/conf", "pkg://hydra.conf"
  virtual bool available() const = 0;
  virtual bool is_group(std::string_view config_path) const = 0;
  virtual bool is_config(std::string_view config_path) const = 0;
  virtual std::optional<SourceFile> read(std::string_view config_path) const = 0;
  // Names of configs (without extension) or groups under a group, sorted.
  virtual std::vector<std::string> list(std::string_view group, ObjectType what) const = 0;
};

std::shared_ptr<ConfigSource> directory_source(std::string provider, std::filesystem::path directory);
// files: "db/mysql.yaml" -> text.
std::shared_ptr<ConfigSource> memory_source(std::string provider, std::string path,
                                            std::map<std::string, std::string, std::less<>> files);

}  // namespace frugal::config
