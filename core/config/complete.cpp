#include "core/config/complete.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

#include "core/config/interpolator.h"
#include "core/config/python.h"
#include "core/config/sweep.h"
#include "core/error.h"

namespace frugal::config {

namespace {

namespace fs = std::filesystem;
using Sources = std::vector<std::shared_ptr<ConfigSource>>;

std::vector<std::string> options(const Sources& sources, const std::string& group, ObjectType what) {
  std::set<std::string> names;
  for (const auto& source : sources)
    if (source->is_group(group))
      for (auto& name : source->list(group, what)) names.insert(std::move(name));
  return {names.begin(), names.end()};
}

// "db=my" -> db=mysql
std::vector<std::string> complete_option(const Sources& sources, const std::string& word, bool& is_group) {
  const auto group = word.substr(0, word.rfind('='));
  std::vector<std::string> out;
  for (const auto& option : options(sources, group, ObjectType::kConfig)) {
    is_group = true;
    if (const auto name = cat(group, "=", option); name.starts_with(word)) out.push_back(name);
  }
  return out;
}

// "d" -> db=, hydra/
std::vector<std::string> complete_group(const Sources& sources, const std::string& word, bool is_deletion) {
  const auto slash = word.rfind('/');
  const auto parent = slash == std::string::npos ? std::string() : word.substr(0, slash);
  std::vector<std::string> out;
  for (const auto& group : options(sources, parent, ObjectType::kGroup)) {
    auto name = parent.empty() ? group : cat(parent, "/", group);
    if (!name.starts_with(word)) continue;
    const bool has_configs = !options(sources, name, ObjectType::kConfig).empty();
    const bool has_groups = !options(sources, name, ObjectType::kGroup).empty();
    if (has_configs && !has_groups && !is_deletion) name += '=';
    if (!has_configs && has_groups) name += '/';
    out.push_back(name);
  }
  return out;
}

std::vector<std::string> complete_groups(const Sources& sources, std::string word, bool& is_group) {
  std::string prefix;
  if (word.starts_with('+') || word.starts_with('~')) {
    prefix = word.substr(0, 1);
    word.erase(0, 1);
  }
  auto out = word.find('=') != std::string::npos ? complete_option(sources, word, is_group)
                                                 : complete_group(sources, word, prefix == "~");
  for (auto& name : out) name.insert(0, prefix);
  return out;
}

std::string ending(const Node& value) {
  return value.is_container() ? "." : "=";
}

// Keys of a container that start with `word`.
std::vector<std::string> keys_of(const Node& node, const std::string& word) {
  std::vector<std::string> out;
  for (const auto& [key, value] : node.entries)
    if (key.label().starts_with(word)) out.push_back(key.label() + ending(*value));
  for (std::size_t i = 0; i < node.items.size(); ++i)
    if (std::to_string(i).starts_with(word)) out.push_back(std::to_string(i) + ending(*node.items[i]));
  return out;
}

std::vector<std::string> complete_key(const NodePtr& config, const std::string& word) {
  const bool whole = word.ends_with('.') || word.ends_with('=');
  const auto dot = word.rfind('.');
  if (!whole && dot == std::string::npos) return keys_of(*config, word);
  const auto base = whole ? word.substr(0, word.size() - 1) : word.substr(0, dot);
  Interpolator interpolator;
  const auto* node = interpolator.select(*config, base, false).value;
  if (node == nullptr || node->is_null()) return {};
  std::vector<std::string> matches;
  if (node->is_container())
    matches = keys_of(*node, whole ? "" : word.substr(dot + 1));
  else if (whole)
    matches = {node->kind == NodeKind::kBool ? python::lower(python_text(*node)) : python_text(*node)};
  for (auto& match : matches) match.insert(0, whole ? word : base + ".");
  return matches;
}

// "file=./da" -> paths
bool is_path(const std::string& word) {
  const auto equal = word.rfind('=');
  if (equal == std::string::npos) return false;
  const auto value = word.substr(equal + 1);
  return value.starts_with('.') || value.starts_with('/');
}

std::vector<std::string> complete_path(const std::string& word) {
  const auto equal = word.rfind('=');
  const fs::path typed = word.substr(equal + 1);
  std::error_code status;
  const bool whole = fs::is_directory(typed, status);
  const auto directory = whole ? typed : typed.parent_path();
  const auto prefix = whole ? std::string() : typed.filename().string();
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(directory, status))
    if (entry.path().filename().string().starts_with(prefix))
      out.push_back(word.substr(0, equal + 1) + (directory / entry.path().filename()).string());
  return out;
}

}  // namespace

std::vector<std::string> complete(const ComposeRequest& request, const std::string& line) {
  std::vector<std::string> words;
  bool multirun = request.multirun;
  std::istringstream stream(line);
  for (std::string word; stream >> word;) {
    if (word == "-m" || word == "--multirun")
      multirun = true;
    else
      words.push_back(word);
  }
  std::string word;
  if (!words.empty() && !line.ends_with(' ')) {
    word = words.back();
    words.pop_back();
  }
  std::vector<std::string> out;
  if (is_path(word)) {
    out = complete_path(word);
  } else {
    bool is_group = false;
    out = complete_groups(sweep_sources(request), word, is_group);
    if (!is_group) {
      auto known = request;
      known.overrides = words;
      known.multirun = multirun;
      try {
        auto keys = complete_key(compose(known).config, word);
        out.insert(out.end(), keys.begin(), keys.end());
      } catch (const Error&) {
        // A config that does not compose yet (a choice is missing, ...) still has groups to offer.
      }
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace frugal::config
