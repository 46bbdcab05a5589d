// frugal list: what there is, one line each.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/catalogue.h"
#include "cli/components.h"
#include "cli/options.h"
#include "core/config/did_you_mean.h"
#include "core/error.h"
#include "core/text.h"
#include "metrics/info.h"

namespace frugal::cli {
namespace {

struct Kind {
  const char* name;
  const char* group;  // of configs; null: not configs
};
constexpr Kind kKinds[] = {{"methods", "method"},         {"models", "model"}, {"datasets", "dataset"},
                           {"experiments", "experiment"}, {"tables", "table"}, {"metrics", nullptr}};

std::vector<CatalogueEntry> entries_of(const Kind& kind) {
  if (kind.group != nullptr) return configs_of(kind.group);
  std::vector<CatalogueEntry> entries;
  for (const auto& metric : metrics::metric_infos())
    entries.push_back({std::string(metric.name), std::string(metric.title)});
  return entries;
}

std::vector<Kind> kinds_named(const std::vector<std::string>& words) {
  if (words.empty()) return {std::begin(kKinds), std::end(kKinds)};
  std::vector<std::string> names;
  for (const Kind& kind : kKinds) {
    if (words[0] == kind.name) return {kind};
    names.emplace_back(kind.name);
  }
  throw Error(ErrorKind::kUsage, "bad_value", cat("there is no list of '", words[0], "'"), {},
              did_you_mean(words[0], names, joined(names, ", ")));
}

void print(const std::vector<Kind>& kinds) {
  for (const Kind& kind : kinds) {
    const auto entries = entries_of(kind);
    std::size_t width = 0;
    for (const auto& entry : entries) width = std::max(width, entry.name.size());
    const char* indent = kinds.size() > 1 ? "  " : "";
    if (kinds.size() > 1) std::cout << kind.name << "\n";
    for (const auto& entry : entries)
      std::cout << indent << entry.name << std::string(width + 2 - entry.name.size(), ' ') << entry.title << "\n";
  }
}

void print_json(const std::vector<Kind>& kinds) {
  Json all = Json::array();
  for (const Kind& kind : kinds)
    for (const auto& entry : entries_of(kind))
      all.push_back({{"kind", kind.name}, {"name", entry.name}, {"title", entry.title}});
  std::cout << all.dump(1) << "\n";
}

// Every key that components declare, with type, default, unit and meaning.
void print_keys(bool json) {
  Json all = Json::array();
  for (const ComponentOptions& component : component_options()) {
    if (!json) std::cout << component.node << "  (" << component.name << ": " << component.title << ")\n";
    for (const OptionInfo& info : *component.infos) {
      if (json) {
        all.push_back({{"component", component.name},
                       {"key", component.node + "." + info.name},
                       {"type", info.type},
                       {"default", info.default_value},
                       {"unit", info.spec.unit},
                       {"help", info.spec.help}});
        continue;
      }
      std::string choices;
      for (const auto& choice : info.spec.choices) choices += (choices.empty() ? " (" : ", ") + choice;
      if (!choices.empty()) choices += ")";
      std::cout << "  " << component.node << "." << info.name << "=" << info.default_value.dump() << "  " << info.type
                << (info.spec.unit.empty() ? "" : ", " + info.spec.unit) << "  " << info.spec.help << choices << "\n";
    }
  }
  if (json) std::cout << all.dump(1) << "\n";
}

}  // namespace

int list_command(std::span<const std::string> args) {
  boost::program_options::options_description options("options");
  options.add_options()("json", "as JSON: kind, name, title")("keys", "every config key, with type, default and help");
  const Parsed parsed = parse_options(
      args, "frugal list [methods|models|datasets|experiments|tables|metrics]",
      "What there is, one line each: its name in an override (method=lora), and what it is.", options, 0, 1);
  if (parsed.help) return 0;
  const bool json = parsed.values.contains("json");
  if (parsed.values.contains("keys")) {
    if (!parsed.words.empty()) throw Error(ErrorKind::kUsage, "bad_call", "--keys takes no kind");
    print_keys(json);
    return 0;
  }
  const std::vector<Kind> kinds = kinds_named(parsed.words);
  json ? print_json(kinds) : print(kinds);
  return 0;
}

}  // namespace frugal::cli
