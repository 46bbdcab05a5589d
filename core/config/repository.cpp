#include "core/config/repository.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "core/config/errors.h"
#include "core/config/hydra_defaults.h"
#include "core/config/python.h"
#include "core/config/yaml.h"

namespace frugal::config {

namespace {

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::istringstream stream{std::string(line)};
  for (std::string word; std::getline(stream, word, ' ');)
    if (!word.empty()) words.push_back(word);
  return words;
}

// The package of "# @package NAME" among the comment lines of the form "# @key value" that open the file.
std::optional<std::string> read_package_header(const SourceFile& file) {
  constexpr std::size_t kHeaderBytes = 512;
  std::optional<std::string> package;
  std::istringstream lines(file.text.substr(0, kHeaderBytes));
  int number = 0;
  for (std::string raw; std::getline(lines, raw);) {
    ++number;
    auto line = python::strip(raw);
    if (line.empty()) continue;
    if (!line.starts_with('#')) break;
    const auto after_hash = python::strip(line.substr(1));
    if (!after_hash.starts_with('@')) break;
    line.remove_prefix(std::min(line.find_first_not_of('#'), line.size()));
    const auto words = words_of(python::strip(line));
    if (words.size() != 2)
      fail("invalid_defaults", cat("a header line is '# @key value', found '", line, "'"), cat(file.name, ":", number));
    if (words[0] == "@package") package = words[1];
  }
  return package;
}

}  // namespace

const LoadedConfig* Repository::load(const std::string& config_path) {
  if (const auto known = cache_.find(config_path); known != cache_.end()) return known->second.get();
  std::unique_ptr<LoadedConfig> loaded;
  for (const auto& source : sources_) {
    const auto file = source->is_config(config_path) ? source->read(config_path) : std::nullopt;
    if (!file) continue;
    loaded = std::make_unique<LoadedConfig>();
    loaded->package_header = read_package_header(*file);
    loaded->config = load_yaml(file->text, file->name);
    if (source->provider() == kSchemaProvider) annotate_hydra_slots(config_path, *loaded->config);
    if (const auto defaults = loaded->config->find("defaults"); defaults && !defaults->is_missing())
      loaded->defaults = read_defaults(config_path, *defaults);
    loaded->config->entries.erase(Key("defaults"));
    break;
  }
  return cache_.emplace(config_path, std::move(loaded)).first->second.get();
}

bool Repository::group_exists(std::string_view group) const {
  return std::any_of(sources_.begin(), sources_.end(), [&](const auto& source) { return source->is_group(group); });
}

bool Repository::config_exists(std::string_view config_path) const {
  return std::any_of(sources_.begin(), sources_.end(),
                     [&](const auto& source) { return source->is_config(config_path); });
}

std::vector<std::string> Repository::list(std::string_view group, ObjectType what) const {
  std::set<std::string> names;
  for (const auto& source : sources_)
    if (source->is_group(group))
      for (auto& name : source->list(group, what)) names.insert(std::move(name));
  return {names.begin(), names.end()};
}

}  // namespace frugal::config
