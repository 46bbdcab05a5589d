// `frugal config`: the config engine by itself, with answers in JSON.
#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/config_options.h"
#include "core/config/compose.h"
#include "core/config/errors.h"
#include "core/config/json.h"
#include "core/config/override.h"
#include "core/config/show.h"
#include "core/config/sweep.h"
#include "core/config/sweep_space.h"
#include "core/config/yaml.h"
#include "core/text.h"

namespace frugal::cli {

namespace {

using config::json_string;
using config::json_text;

constexpr const char* kHelp = R"(frugal config: the config engine by itself, answers in JSON

usage: frugal config VERB [OPTION...] [-- ARGUMENT...]

  parse --json -- OVERRIDE                  what one override says
  load --json FILE                          a YAML file as OmegaConf loads it
  get --json --file FILE -- KEY             the value at a dotted key, interpolations resolved
  compose --json [--resolve] --config-dir D --config-name N -- OVERRIDE...
                                            the composed config, without the hydra node
  sweep --json [--max-batch-size K] --config-dir D --config-name N -- OVERRIDE...
                                            the jobs of a multirun

options:
  --config-dir D     folder of configs; may be given again, later ones extend the search path
  --config-name N    primary config, "config" unless given
  --json             errors too are JSON: {"error": {"kind", "message", "where"}}, exit code 2
  --package P        compose: only the part of the config at P
  --hydra            compose: keep the hydra node
  --yaml             load, compose: the config as YAML instead of JSON
)";

std::string json_list(const std::vector<std::string>& texts) {
  return "[" + joined(texts, ", ", json_string) + "]";
}

// ---- parse

constexpr const char* kOps[] = {"change", "add", "force_add", "delete"};
constexpr const char* kValueKinds[] = {"none", "element", "choice_list", "choice", "range", "interval", "glob"};

std::string sweep_fields(const config::Sweep& sweep) {
  using Type = config::Sweep::Type;
  if (sweep.type == Type::kGlob)
    return ", \"include\": " + json_list(sweep.include) + ", \"exclude\": " + json_list(sweep.exclude);
  std::string out;
  if (sweep.type == Type::kInterval)
    out = ", \"start\": " + json_text(*sweep.start) + ", \"end\": " + json_text(*sweep.stop);
  else
    out = ", \"sweep\": " + json_list(config::sweep_texts(sweep));
  return out + ", \"tags\": " + json_list({sweep.tags.begin(), sweep.tags.end()});
}

int parse(const ConfigOptions& options) {
  const auto item = config::parse_override(options.one_argument("OVERRIDE"));
  std::string out = cat("{\"op\": \"", kOps[static_cast<int>(item.type)], "\", \"key\": ", json_string(item.key),
                        ", \"package\": ", item.package ? json_string(*item.package) : "null", ", \"value_kind\": \"",
                        kValueKinds[static_cast<int>(item.value_kind)], "\"");
  if (item.is_sweep()) out += sweep_fields(*item.value.sweep);
  if (item.value_kind == config::ValueKind::kElement)
    out += ", \"value\": " + json_text(*config::to_node(item.value, item.mark()));
  std::puts((out + "}").c_str());
  return 0;
}

// ---- load, get, compose, sweep

int load(const ConfigOptions& options) {
  const auto& file = options.one_argument("FILE");
  const auto loaded = config::load_yaml_file(file);
  if (options.yaml)
    std::fputs(config::yaml_text(*loaded).c_str(), stdout);
  else
    std::puts(("{\"config\": " + json_text(*loaded) + "}").c_str());
  return 0;
}

int get(const ConfigOptions& options) {
  const auto root = config::load_yaml_file(options.require_file());
  const auto value = config::select(root, options.one_argument("KEY"));
  std::puts(("{\"value\": " + (value ? json_text(*value) : "null") + "}").c_str());
  return 0;
}

int compose(const ConfigOptions& options) {
  const auto composition = config::compose(options.request());
  const auto shown =
      config::cfg_node(composition, {.part = options.keep_hydra ? config::CfgPart::kAll : config::CfgPart::kJob,
                                     .package = options.package,
                                     .resolve = options.resolve ? config::Resolve::kYes : config::Resolve::kNo});
  if (options.yaml) {
    std::fputs(config::yaml_text(*shown).c_str(), stdout);
    return 0;
  }
  const std::string choices = joined(composition.choices, ", ", [](const auto& choice) {
    return json_string(choice.first) + ": " + json_text(*choice.second);
  });
  std::puts(("{\"config\": " + json_text(*shown) + ", \"choices\": {" + choices + "}}").c_str());
  return 0;
}

int sweep(const ConfigOptions& options) {
  const auto plan = config::plan_sweep(options.request(), {.max_batch_size = options.max_batch_size});
  const std::string jobs = joined(plan.jobs, ", ", json_list);
  const std::string batches = joined(plan.batches, ", ", [](std::size_t size) { return std::to_string(size); });
  std::puts(("{\"jobs\": [" + jobs + "], \"batches\": [" + batches + "]}").c_str());
  return 0;
}

struct Verb {
  std::string_view name;
  int (*run)(const ConfigOptions&);
};

constexpr Verb kVerbs[] = {{"parse", parse}, {"load", load}, {"get", get}, {"compose", compose}, {"sweep", sweep}};

void print_error(const Error& error) {
  auto message = error.message();
  if (!error.hint().empty()) message += " (" + error.hint() + ")";
  std::puts(("{\"error\": {\"kind\": " + json_string(error.code()) + ", \"message\": " + json_string(message) +
             ", \"where\": " + json_string(error.where()) + "}}")
                .c_str());
}

}  // namespace

int config_command(std::span<const std::string> args) {
  const bool help = args.empty() || args[0] == "--help" || args[0] == "-h";
  if (help) {
    std::fputs(kHelp, stdout);
    return args.empty() ? 2 : 0;
  }
  for (const auto& verb : kVerbs) {
    if (verb.name != args[0]) continue;
    const auto options = parse_config_options(args.subspan(1));
    if (options.help) {
      std::fputs(kHelp, stdout);
      return 0;
    }
    try {
      return verb.run(options);
    } catch (const Error& error) {
      if (!options.json) throw;
      print_error(error);
      return exit_code(error.kind());
    }
  }
  throw Error(ErrorKind::kUsage, "unknown_verb", cat("there is no verb 'config ", args[0], "'"), {},
              "frugal config --help");
}

}  // namespace frugal::cli
