#include "cli/show_config.h"

#include <algorithm>
#include <vector>

#include "core/error.h"

namespace frugal::cli {
namespace {

using Row = std::vector<std::string>;

std::string title(const std::string& text) {
  return text + "\n" + std::string(text.size(), '*') + "\n";
}

std::string table(const std::vector<Row>& rows) {
  std::vector<size_t> widths(rows.front().size());
  for (const Row& row : rows)
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  size_t total = 1;
  for (const size_t width : widths) total += width + 3;
  const std::string line = std::string(total, '-') + "\n";
  std::string out;
  for (size_t r = 0; r < rows.size(); ++r) {
    for (size_t i = 0; i < rows[r].size(); ++i) out += "| " + rows[r][i] + std::string(widths[i] - rows[r][i].size() + 1, ' ');
    out += "|\n" + (r == 0 ? line : "");
  }
  return out + line;
}

std::string defaults_text(const config::Composition& composition) {
  std::vector<Row> rows = {{"Config path", "Package", "_self_", "Parent"}};
  for (const auto& d : composition.defaults) rows.push_back({d.config_path, d.package, d.is_self ? "True" : "False", d.parent.value_or("")});
  return title("Defaults List") + table(rows);
}

void tree_text(const config::DefaultsTree& tree, const std::string& indent, std::string& out) {
  out += indent + tree.label + (tree.children.empty() ? "\n" : ":\n");
  for (const auto& child : tree.children) tree_text(child, indent + "  ", out);
}

std::string search_path_text(const config::Composition& composition) {
  std::vector<Row> rows = {{"Provider", "Search path"}};
  for (const auto& entry : composition.search_path) rows.push_back({entry.provider, entry.path});
  return title("Config search path") + table(rows);
}

}  // namespace

std::string config_text(const config::Composition& composition, const std::string& which, bool resolve,
                        const std::optional<std::string>& package) {
  config::NodePtr root = resolve ? config::resolve(composition.config) : composition.config;
  if (package) {
    const config::NodePtr part = config::select(root, *package);
    if (!part) throw Error(ErrorKind::kUsage, "key_not_found", cat("the config has no '", *package, "'"), "--package");
    return "# @package " + *package + "\n" + config::yaml_text(*part);
  }
  if (which == "all") return config::yaml_text(*root);
  root = root->copy();
  const config::NodePtr hydra = root->find("hydra");
  if (which == "job") {
    root->entries.erase(config::Key("hydra"));
    return config::yaml_text(*root);
  }
  if (which != "hydra")
    throw Error(ErrorKind::kUsage, "bad_value", cat("--cfg takes job, hydra or all, found '", which, "'"), "--cfg");
  const config::NodePtr only = config::Node::dict();
  if (hydra) only->set("hydra", hydra->copy());
  return config::yaml_text(*only);
}

std::string info_text(const config::Composition& composition, const std::string& which) {
  if (which == "defaults") return defaults_text(composition);
  if (which == "searchpath") return search_path_text(composition);
  if (which != "defaults-tree")
    throw Error(ErrorKind::kUsage, "bad_value", cat("--info takes defaults, defaults-tree or searchpath, found '", which, "'"), "--info");
  std::string out = title("Defaults Tree");
  tree_text(composition.defaults_tree, "", out);
  return out;
}

}  // namespace frugal::cli
