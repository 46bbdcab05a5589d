#include "core/config/show.h"

#include <algorithm>
#include <array>

#include "core/config/errors.h"

namespace frugal::config {

namespace {

NodePtr shown(const NodePtr& node, Resolve resolve_values) {
  return resolve_values == Resolve::kYes ? resolve(node) : node->copy();
}

// Columns as wide as their widest cell, a rule under the header.
template <std::size_t N>
std::string table(const std::vector<std::array<std::string, N>>& rows) {
  std::array<std::size_t, N> widths{};
  for (const auto& row : rows)
    for (std::size_t i = 0; i < N; ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string out;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::string line;
    std::string rule;
    for (std::size_t i = 0; i < N; ++i) {
      line += (i > 0 ? " | " : "") + rows[r][i] + std::string(widths[i] - rows[r][i].size(), ' ');
      rule += (i > 0 ? "-|-" : "") + std::string(widths[i], '-');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
    if (r == 0) out += rule + "\n";
  }
  return out;
}

void draw(const DefaultsTree& tree, std::size_t depth, std::string& out) {
  out += std::string(2 * depth, ' ') + tree.label + "\n";
  for (const auto& child : tree.children) draw(child, depth + 1, out);
}

}  // namespace

NodePtr cfg_node(const Composition& composition, const CfgOptions& options) {
  const auto& root = composition.config;
  if (options.package && *options.package != "_global_") {
    const auto* at = root.get();
    NodePtr part;
    for (std::string_view rest = *options.package; at != nullptr;) {
      const auto dot = rest.find('.');
      part = at->find(rest.substr(0, dot));
      at = part.get();
      if (dot == std::string_view::npos) break;
      rest.remove_prefix(dot + 1);
    }
    if (!part) fail("override_key_missing", cat("there is no package '", *options.package, "' in the config"));
    return shown(part, options.resolve);
  }
  auto out = Node::dict(root->mark);
  for (const auto& [key, value] : root->entries) {
    const bool is_hydra = key.is_text() && key.text == "hydra";
    if (options.part == CfgPart::kAll || is_hydra == (options.part == CfgPart::kHydra))
      out->set(key, shown(value, options.resolve));
  }
  return out;
}

std::string cfg_text(const Composition& composition, const CfgOptions& options) {
  const auto node = cfg_node(composition, options);
  const bool part = options.package && *options.package != "_global_";
  return (part ? cat("# @package ", *options.package, "\n") : "") + yaml_text(*node);
}

std::string defaults_text(const Composition& composition) {
  std::vector<std::array<std::string, 4>> rows = {{"Config path", "Package", "_self_", "Parent"}};
  for (const auto& item : composition.defaults)
    rows.push_back({item.config_path, item.package, item.is_self ? "True" : "False", item.parent.value_or("")});
  return table(rows);
}

std::string defaults_tree_text(const Composition& composition) {
  std::string out;
  draw(composition.defaults_tree, 0, out);
  return out;
}

std::string searchpath_text(const Composition& composition) {
  std::vector<std::array<std::string, 2>> rows = {{"Provider", "Search path"}};
  for (const auto& [provider, path] : composition.search_path) rows.push_back({provider, path});
  return table(rows);
}

}  // namespace frugal::config
