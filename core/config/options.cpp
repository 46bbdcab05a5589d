#include "core/config/options.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/text.h"

namespace frugal {
namespace {

[[noreturn]] void fail(const OptionInfo& info, const std::string& expected, const Json& found,
                       const std::string& where) {
  std::string help = info.spec.help;
  if (!info.spec.unit.empty()) help += " [" + info.spec.unit + "]";
  throw Error(ErrorKind::kUsage, "bad_value", cat("'", info.name, "' must be ", expected, ", found ", found.dump()),
              where, cat(info.name, ": ", help));
}

void check_range(const OptionInfo& info, double number, const Json& found, const std::string& where) {
  if (info.spec.min && !(number >= *info.spec.min)) fail(info, cat("at least ", *info.spec.min), found, where);
  if (info.spec.max && !(number <= *info.spec.max)) fail(info, cat("at most ", *info.spec.max), found, where);
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string nearest_name(std::string_view key, const std::vector<std::string>& known) {
  constexpr size_t kLongest = 256;  // the distance is quadratic, and keys are strangers'
  if (key.size() > kLongest) return {};
  std::string best;
  size_t best_distance = std::max<size_t>(2, key.size() / 2) + 1;
  for (const std::string& name : known) {
    if (name.size() > kLongest) continue;
    if (const size_t distance = edit_distance(key, name); distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  }
  return best;
}

namespace options_detail {

void assign(const Json& value, bool& out, const OptionInfo& info, const std::string& where) {
  if (!value.is_boolean()) fail(info, "true or false", value, where);
  out = value.get<bool>();
}

void assign(const Json& value, int64_t& out, const OptionInfo& info, const std::string& where) {
  if (!value.is_number_integer()) fail(info, "a whole number", value, where);
  if (value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX))
    fail(info, "a whole number below 2^63", value, where);
  out = value.get<int64_t>();
  check_range(info, static_cast<double>(out), value, where);
}

void assign(const Json& value, double& out, const OptionInfo& info, const std::string& where) {
  if (!value.is_number()) fail(info, "a number", value, where);
  out = value.get<double>();
  check_range(info, out, value, where);
}

void assign(const Json& value, std::string& out, const OptionInfo& info, const std::string& where) {
  if (!value.is_string()) fail(info, "text", value, where);
  out = value.get<std::string>();
  const auto& choices = info.spec.choices;
  if (choices.empty() || std::find(choices.begin(), choices.end(), out) != choices.end()) return;
  fail(info, "one of " + joined(choices, ", "), value, where);
}

void assign(const Json& value, Json& out, const OptionInfo& /*info*/, const std::string& /*where*/) {
  out = value;
}

std::string type_name(const bool&) {
  return "bool";
}
std::string type_name(const int64_t&) {
  return "int";
}
std::string type_name(const double&) {
  return "float";
}
std::string type_name(const std::string&) {
  return "text";
}
std::string type_name(const Json&) {
  return "anything";
}

void fail_not_list(const OptionInfo& info, const Json& value, const std::string& where) {
  fail(info, "a list", value, where);
}

const Json* find(const Json& node, std::string_view dotted) {
  const Json* at = &node;
  while (true) {
    const size_t dot = dotted.find('.');
    if (!at->is_object()) return nullptr;
    const auto found = at->find(std::string(dotted.substr(0, dot)));
    if (found == at->end()) return nullptr;
    at = &*found;
    if (dot == std::string_view::npos) return at;
    dotted.remove_prefix(dot + 1);
  }
}

void check_unknown(const Json& node, std::string_view path, const std::vector<OptionInfo>& known,
                   const std::vector<std::string>& also_allowed, const Locator& where) {
  if (node.is_null()) return;
  if (!node.is_object())
    throw Error(ErrorKind::kUsage, "bad_value", cat("'", path, "' must be a group of keys, found ", node.dump()),
                where ? where(path) : "");
  std::vector<std::string> names = also_allowed;
  for (const auto& info : known) names.push_back(info.name);
  const std::function<void(const Json&, const std::string&)> walk = [&](const Json& at, const std::string& prefix) {
    for (const auto& [key, value] : at.items()) {
      const std::string name = prefix + key;
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      const bool inner =
          std::any_of(names.begin(), names.end(), [&](const auto& n) { return n.starts_with(name + "."); });
      if (inner && value.is_object()) {
        walk(value, name + ".");
        continue;
      }
      const std::string near = nearest_name(name, names);
      const std::string full = cat(path, ".", name);
      throw Error(
          ErrorKind::kUsage, "unknown_key", cat("unknown key '", full, "'"), where ? where(full) : "",
          near.empty() ? "frugal list --keys shows the keys there are" : cat("did you mean '", path, ".", near, "'?"));
    }
  };
  walk(node, "");
}

}  // namespace options_detail

}  // namespace frugal
