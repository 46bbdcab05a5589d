#include "cli/catalogue.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "core/config/yaml.h"
#include "core/io/resources.h"

namespace frugal::cli {

namespace fs = std::filesystem;

std::string title_of(std::string_view yaml) {
  std::istringstream lines{std::string(yaml)};
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find_first_not_of(" \t\r");
    if (first == line.npos) continue;
    if (line[first] != '#') return {};
    const auto begin = line.find_first_not_of("# \t", first);
    if (begin == line.npos || line.compare(begin, 8, "@package") == 0) continue;
    return line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin);
  }
  return {};
}

std::vector<CatalogueEntry> configs_of(const std::string& group) {
  constexpr std::size_t kMostBytes = 1U << 20U;
  const fs::path root = io::resource("configs") / group;
  std::vector<CatalogueEntry> entries;
  std::error_code ignored;  // a group that is not there has no entries
  for (const auto& file : fs::recursive_directory_iterator(root, ignored)) {
    if (file.path().extension() != ".yaml") continue;
    fs::path name = file.path().lexically_relative(root);
    name.replace_extension();
    entries.push_back({name.generic_string(), title_of(config::read_text_file(file.path(), kMostBytes))});
  }
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

}  // namespace frugal::cli
