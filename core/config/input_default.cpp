#include "core/config/input_default.h"

#include <algorithm>
#include <sstream>

#include "core/config/errors.h"
#include "core/text.h"

namespace frugal::config {

namespace {

std::string dotted(std::string text) {
  std::replace(text.begin(), text.end(), '/', '.');
  return text;
}

std::string without_slash(const std::string& path) {
  return path.starts_with('/') ? path.substr(1) : path;
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

// `path` below `base`, unless it is absolute.
std::string path_below(const std::string& base, const std::string& written, const std::string& path) {
  if (written.starts_with('/') || base.empty()) return path;
  return path.empty() ? base : base + "/" + path;
}

}  // namespace

bool InputDefault::is_self() const {
  return kind == Kind::kConfig ? path == "_self_" : kind == Kind::kGroup && value == "_self_";
}

bool InputDefault::is_missing() const {
  return kind != Kind::kVirtualRoot && !is_options && name() == "???";
}

bool InputDefault::is_interpolation() const {
  if (kind == Kind::kConfig) return path.find("${") != std::string::npos;
  return kind == Kind::kGroup && value && value->find("${") != std::string::npos;
}

void InputDefault::set_parent(std::string base_dir, std::string package_above) {
  parent_base_dir = std::move(base_dir);
  parent_package = std::move(package_above);
  if (package && package->find("_group_") != std::string::npos)
    package = "_global_." + replace_all(*package, "_group_", dotted(group_path()));
}

void InputDefault::set_package_header(const std::string& header) {
  if (header.empty())
    package_header = "_global_";
  else if (header == "_global_" || header.starts_with("_global_."))
    package_header = header;
  else
    package_header = "_global_." + header;
}

std::optional<std::string> InputDefault::name() const {
  if (kind == Kind::kGroup) return value;
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::string InputDefault::group_path() const {
  const auto bare = without_slash(path);
  return path_below(parent_base_dir, path, kind == Kind::kGroup ? bare : parent_of(bare));
}

std::string InputDefault::config_path() const {
  if (kind == Kind::kVirtualRoot) return "<root>";
  if (kind == Kind::kGroup) return group_path() + "/" + value.value_or("None");
  return path_below(parent_base_dir, path, without_slash(path));
}

std::string InputDefault::relative_group() const {
  const auto bare = without_slash(path);
  return kind == Kind::kGroup ? bare : parent_of(bare);
}

std::optional<std::string> InputDefault::declared_package() const {
  return package ? package : package_header;
}

std::string InputDefault::final_package(bool with_header) const {
  const auto own = (with_header ? declared_package() : package).value_or(dotted(relative_group()));
  std::string full = own.empty() ? parent_package : parent_package.empty() ? own : parent_package + "." + own;
  constexpr std::string_view kGlobal = "_global_";
  const auto global = full.rfind(kGlobal);
  if (global == std::string::npos) return full;
  const auto rest = global + kGlobal.size() + 1;
  return rest < full.size() ? full.substr(rest) : std::string();
}

std::string InputDefault::override_key() const {
  auto group = group_path();
  const auto final = final_package(false);
  if (dotted(group) == final) return group;
  return group + "@" + (final.empty() ? "_global_" : final);
}

namespace {

// "optional override db@pkg:pkg2" -> keywords, group, package.
InputDefault parse_key(const std::string& text) {
  InputDefault out;
  out.kind = InputDefault::Kind::kGroup;
  const auto at = text.find('@');
  if (at != std::string::npos) {
    auto package = text.substr(at + 1);
    out.package = package.substr(0, package.find(':'));
  }
  std::string words = text.substr(0, at);
  bool keywords = true;
  for (auto space = words.find(' '); space != std::string::npos; space = words.find(' ')) {
    const auto word = words.substr(0, space);
    words = words.substr(space + 1);
    keywords = keywords && (word == "optional" || word == "override");
    if (keywords && word == "optional") out.optional = true;
    if (keywords && word == "override") out.override = true;
  }
  out.path = words;
  if (out.package == "_here_") out.package = "";
  return out;
}

[[noreturn]] void bad(const std::string& config_path, const std::string& message, const Mark& mark) {
  fail("invalid_defaults", cat("in '", config_path, "': ", message), mark);
}

InputDefault group_default(const std::string& config_path, const Node& item) {
  if (item.entries.size() != 1)
    bad(config_path,
        item.entries.empty() ? "an element of the defaults list has no group"
                             : "an element of the defaults list has more than one group",
        item.mark);
  const auto& [key, value] = *item.entries.begin();
  if (!key.is_text()) bad(config_path, cat("a group is a text, found ", key.text), item.mark);
  auto out = parse_key(key.text);
  out.mark = value->mark;
  if (out.path.empty()) bad(config_path, "an element of the defaults list has an empty group", item.mark);
  if (value->is_list()) {
    out.is_options = true;
    for (const auto& option : value->items) {
      if (!option->is_string()) bad(config_path, cat("an option of '", out.path, "' must be a text"), option->mark);
      out.options.push_back(option->text);
    }
  } else if (value->is_string()) {
    out.value = value->text;
  } else if (!value->is_null()) {
    bad(config_path, cat("the option of '", out.path, "' must be a text, a list of them or null"), value->mark);
  }
  return out;
}

InputDefault config_default(const std::string& config_path, const Node& item) {
  InputDefault out;
  out.mark = item.mark;
  const auto at = item.text.find('@');
  out.path = item.text.substr(0, at);
  if (at != std::string::npos) {
    const auto package = item.text.substr(at + 1);
    out.package = package.substr(0, package.find(':'));
  }
  if (out.is_self() && out.package) bad(config_path, "_self_ takes no package", item.mark);
  if (out.package == "_here_") out.package = "";
  return out;
}

}  // namespace

std::vector<InputDefault> read_defaults(const std::string& config_path, const Node& defaults) {
  if (!defaults.is_list()) bad(config_path, "the defaults list must be a list", defaults.mark);
  std::vector<InputDefault> out;
  for (const auto& item : defaults.items) {
    if (item->is_dict())
      out.push_back(group_default(config_path, *item));
    else if (item->is_string())
      out.push_back(config_default(config_path, *item));
    else
      bad(config_path, "an element of the defaults list is a text or a mapping", item->mark);
  }
  return out;
}

}  // namespace frugal::config
