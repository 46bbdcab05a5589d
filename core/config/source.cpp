#include "core/config/source.h"

#include <algorithm>
#include <set>

#include "core/config/errors.h"
#include "core/config/yaml.h"

namespace frugal::config {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExtension = ".yaml";
constexpr std::size_t kMaxConfigBytes = 8U << 20U;

std::string with_extension(std::string_view config_path) {
  return std::string(config_path) + (config_path.ends_with(kExtension) ? "" : std::string(kExtension));
}

std::string stem(const std::string& file_name) {
  const auto dot = file_name.rfind('.');
  return dot == std::string::npos ? file_name : file_name.substr(0, dot);
}

class DirectorySource : public ConfigSource {
 public:
  DirectorySource(std::string provider, fs::path directory)
      : provider_(std::move(provider)), directory_(std::move(directory)) {}

  std::string provider() const override { return provider_; }
  std::string path() const override { return "file://" + directory_.string(); }
  bool available() const override { return is_group(""); }

  bool is_group(std::string_view config_path) const override {
    std::error_code status;
    return fs::is_directory(directory_ / config_path, status);
  }
  bool is_config(std::string_view config_path) const override {
    std::error_code status;
    return fs::is_regular_file(directory_ / with_extension(config_path), status);
  }

  std::optional<SourceFile> read(std::string_view config_path) const override {
    if (!is_config(config_path)) return std::nullopt;
    const auto file = directory_ / with_extension(config_path);
    return SourceFile{file.lexically_normal().string(), read_text_file(file, kMaxConfigBytes)};
  }

  std::vector<std::string> list(std::string_view group, ObjectType what) const override {
    std::set<std::string> names;
    std::error_code status;
    for (const auto& entry : fs::directory_iterator(directory_ / group, status)) {
      const auto name = entry.path().filename().string();
      if (name == "__pycache__" || name == "__init__.py") continue;
      const auto config_path = group.empty() ? name : cat(group, "/", name);
      if (what == ObjectType::kGroup && is_group(config_path)) names.insert(name);
      if (what == ObjectType::kConfig && is_config(config_path)) names.insert(stem(name));
    }
    return {names.begin(), names.end()};
  }

 private:
  std::string provider_;
  fs::path directory_;
};

class MemorySource : public ConfigSource {
 public:
  using Files = std::map<std::string, std::string, std::less<>>;

  MemorySource(std::string provider, std::string path, Files files)
      : provider_(std::move(provider)), path_(std::move(path)), files_(std::move(files)) {}

  std::string provider() const override { return provider_; }
  std::string path() const override { return path_; }
  bool available() const override { return true; }

  bool is_group(std::string_view config_path) const override {
    const auto prefix = cat(config_path, "/");
    const auto first = files_.lower_bound(prefix);
    return config_path.empty() || (first != files_.end() && first->first.starts_with(prefix));
  }
  bool is_config(std::string_view config_path) const override { return files_.contains(with_extension(config_path)); }

  std::optional<SourceFile> read(std::string_view config_path) const override {
    const auto found = files_.find(with_extension(config_path));
    if (found == files_.end()) return std::nullopt;
    return SourceFile{cat(path_, "/", found->first), found->second};
  }

  std::vector<std::string> list(std::string_view group, ObjectType what) const override {
    const auto prefix = group.empty() ? std::string() : cat(group, "/");
    std::set<std::string> names;
    for (const auto& [name, text] : files_) {
      if (!name.starts_with(prefix)) continue;
      const auto rest = name.substr(prefix.size());
      const auto slash = rest.find('/');
      if (what == ObjectType::kGroup && slash != std::string::npos) names.insert(rest.substr(0, slash));
      if (what == ObjectType::kConfig && slash == std::string::npos) names.insert(stem(rest));
    }
    return {names.begin(), names.end()};
  }

 private:
  std::string provider_, path_;
  Files files_;
};

}  // namespace

std::shared_ptr<ConfigSource> directory_source(std::string provider, fs::path directory) {
  return std::make_shared<DirectorySource>(std::move(provider), std::move(directory));
}

std::shared_ptr<ConfigSource> memory_source(std::string provider, std::string path,
                                            std::map<std::string, std::string, std::less<>> files) {
  return std::make_shared<MemorySource>(std::move(provider), std::move(path), std::move(files));
}

}  // namespace frugal::config
