#include "core/config/hydra_defaults.h"

#include "core/config/errors.h"

namespace frugal::config {

namespace {

using Files = std::map<std::string, std::string, std::less<>>;

constexpr const char* kOutput = R"(# @package hydra
run:
  dir: outputs/${now:%Y-%m-%d}/${now:%H-%M-%S}
sweep:
  dir: multirun/${now:%Y-%m-%d}/${now:%H-%M-%S}
  subdir: ${hydra.job.num}
)";

constexpr const char* kHelp = R"(app_name: ${hydra.job.name}
header: ${hydra.help.app_name}
footer: ''
template: |
  ${hydra.help.header}
  groups: $APP_CONFIG_GROUPS
  config: $CONFIG
  ${hydra.help.footer}
)";

constexpr const char* kHydraHelp = R"(template: |
  flags: $FLAGS_HELP
  groups: $HYDRA_CONFIG_GROUPS
)";

constexpr const char* kHydraLogging = R"(version: 1
formatters:
  simple: {format: '[%(asctime)s][HYDRA] %(message)s'}
handlers:
  console: {class: logging.StreamHandler, formatter: simple, stream: 'ext://sys.stdout'}
root: {level: INFO, handlers: [console]}
loggers:
  logging_example: {level: DEBUG}
disable_existing_loggers: false
)";

constexpr const char* kHydraDebugLogging = R"(version: 1
formatters:
  simple: {format: '[%(asctime)s][%(name)s][%(levelname)s] - %(message)s'}
handlers:
  file: {class: logging.FileHandler, mode: w, formatter: simple, filename: 'hydra-${hydra.job.name}.log', delay: true}
root: {level: ERROR, handlers: [file]}
loggers:
  hydra: {level: DEBUG}
disable_existing_loggers: false
)";

constexpr const char* kJobLogging = R"(version: 1
formatters:
  simple: {format: '[%(asctime)s][%(name)s][%(levelname)s] - %(message)s'}
handlers:
  console: {class: logging.StreamHandler, formatter: simple, stream: 'ext://sys.stdout'}
  file: {class: logging.FileHandler, formatter: simple, filename: '${hydra.runtime.output_dir}/${hydra.job.name}.log'}
root: {level: INFO, handlers: [console, file]}
disable_existing_loggers: false
)";

constexpr const char* kStdoutLogging = R"(version: 1
formatters:
  simple: {format: '%(message)s'}
handlers:
  console: {class: logging.StreamHandler, formatter: simple, stream: 'ext://sys.stdout'}
root: {level: INFO, handlers: [console]}
disable_existing_loggers: false
)";

constexpr const char* kNoLogging = "version: 1\nroot: null\ndisable_existing_loggers: false\n";
constexpr const char* kDisabledLogging = "version: 1\nroot: {level: ERROR}\ndisable_existing_loggers: true\n";

constexpr const char* kHydraNode = R"(defaults:
  - output: default
  - launcher: basic
  - sweeper: basic
  - help: default
  - hydra_help: default
  - hydra_logging: default
  - job_logging: default
  - callbacks: null
  - env: default
mode: null
searchpath: []
run: {dir: '???'}
sweep: {dir: '???', subdir: '???', zip: [], filter: null, seeds: null}
hydra_logging: '???'
job_logging: '???'
sweeper: '???'
launcher: '???'
callbacks: {}
help: {app_name: '???', header: '???', footer: '???', template: '???'}
hydra_help: {hydra_help: '???', template: '???'}
output_subdir: .hydra
overrides: {hydra: [], task: []}
job:
  name: '???'
  chdir: null
  override_dirname: '???'
  id: '???'
  num: '???'
  config_name: '???'
  env_set: {}
  env_copy: []
  config:
    override_dirname: {kv_sep: '=', item_sep: ',', exclude_keys: []}
runtime:
  version: '???'
  version_base: '???'
  cwd: '???'
  config_sources: '???'
  output_dir: '???'
  choices: {}
verbose: false
)";

// `params` adds overrides in front of those of the command line, as Hydra's basic sweeper does.
constexpr const char* kBasicSweeper =
    "_target_: hydra._internal.core_plugins.basic_sweeper.BasicSweeper\nmax_batch_size: null\nparams: null\n";
constexpr const char* kBasicLauncher = "_target_: hydra._internal.core_plugins.basic_launcher.BasicLauncher\n";
// The searching sweepers: which metric of a run they look at, and how many runs they make.
constexpr const char* kSearchSweeper = R"(max_batch_size: null
params: null
seed: 0
n_trials: 20
metric: null
direction: minimize
)";

struct Slot {
  std::string_view key;
  SlotType type;
  bool optional = false;
  SlotType element = SlotType::kAny;
};

constexpr Slot kSlots[] = {
    {"mode", SlotType::kRunMode, true},
    {"searchpath", SlotType::kList, false, SlotType::kString},
    {"run.dir", SlotType::kString},
    {"sweep.dir", SlotType::kString},
    {"sweep.subdir", SlotType::kString},
    {"hydra_logging", SlotType::kDict},
    {"job_logging", SlotType::kDict},
    {"callbacks", SlotType::kDict},
    {"help.app_name", SlotType::kString},
    {"help.header", SlotType::kString},
    {"help.footer", SlotType::kString},
    {"help.template", SlotType::kString},
    {"hydra_help.hydra_help", SlotType::kString},
    {"hydra_help.template", SlotType::kString},
    {"output_subdir", SlotType::kString, true},
    {"overrides.hydra", SlotType::kList, false, SlotType::kString},
    {"overrides.task", SlotType::kList, false, SlotType::kString},
    {"job.name", SlotType::kString},
    {"job.chdir", SlotType::kBool, true},
    {"job.override_dirname", SlotType::kString},
    {"job.id", SlotType::kString},
    {"job.num", SlotType::kInt},
    {"job.config_name", SlotType::kString, true},
    {"job.env_set", SlotType::kDict, false, SlotType::kString},
    {"job.env_copy", SlotType::kList, false, SlotType::kString},
    {"job.config.override_dirname.kv_sep", SlotType::kString},
    {"job.config.override_dirname.item_sep", SlotType::kString},
    {"job.config.override_dirname.exclude_keys", SlotType::kList, false, SlotType::kString},
    {"runtime.version", SlotType::kString},
    {"runtime.version_base", SlotType::kString},
    {"runtime.cwd", SlotType::kString},
    {"runtime.config_sources", SlotType::kList},
    {"runtime.output_dir", SlotType::kString},
    {"runtime.choices", SlotType::kDict},
};

constexpr std::string_view kClosed[] = {"run",    "sweep",   "help",       "hydra_help", "overrides",
                                        "job",    "runtime", "job.config", "job.config.override_dirname"};

Node& child_at(Node& node, std::string_view dotted) {
  Node* at = &node;
  while (!dotted.empty()) {
    const auto dot = dotted.find('.');
    at = at->find(dotted.substr(0, dot)).get();
    dotted = dot == std::string_view::npos ? std::string_view() : dotted.substr(dot + 1);
  }
  return *at;
}

}  // namespace

std::shared_ptr<ConfigSource> hydra_source() {
  static const auto kSource = memory_source("hydra", "pkg://hydra.conf",
                                            Files{
                                                {"hydra/env/default.yaml", ""},
                                                {"hydra/help/default.yaml", kHelp},
                                                {"hydra/hydra_help/default.yaml", kHydraHelp},
                                                {"hydra/hydra_logging/default.yaml", kHydraLogging},
                                                {"hydra/hydra_logging/disabled.yaml", kDisabledLogging},
                                                {"hydra/hydra_logging/hydra_debug.yaml", kHydraDebugLogging},
                                                {"hydra/hydra_logging/none.yaml", kNoLogging},
                                                {"hydra/job_logging/default.yaml", kJobLogging},
                                                {"hydra/job_logging/disabled.yaml", kDisabledLogging},
                                                {"hydra/job_logging/none.yaml", kNoLogging},
                                                {"hydra/job_logging/stdout.yaml", kStdoutLogging},
                                                {"hydra/output/default.yaml", kOutput},
                                            });
  return kSource;
}

std::shared_ptr<ConfigSource> schema_source() {
  static const auto kSource = memory_source(std::string(kSchemaProvider), "structured://",
                                            Files{
                                                {"_dummy_empty_config_.yaml", ""},
                                                {"hydra/config.yaml", kHydraNode},
                                                {"hydra/launcher/basic.yaml", kBasicLauncher},
                                                {"hydra/sweeper/basic.yaml", kBasicSweeper},
                                                {"hydra/sweeper/random.yaml", cat("_target_: random\n", kSearchSweeper)},
                                                {"hydra/sweeper/sobol.yaml", cat("_target_: sobol\n", kSearchSweeper)},
                                                {"hydra/sweeper/tpe.yaml", cat("_target_: tpe\n", kSearchSweeper)},
                                            });
  return kSource;
}

void annotate_hydra_slots(const std::string& config_path, Node& config) {
  if (config_path == "hydra/sweeper/basic" || config_path == "hydra/launcher/basic") config.closed = true;
  if (config_path != kHydraConfig) return;
  config.closed = true;
  for (const auto path : kClosed) child_at(config, path).closed = true;
  for (const auto& slot : kSlots) {
    auto& node = child_at(config, slot.key);
    node.slot = slot.type;
    node.optional = slot.optional;
    node.element = slot.element;
  }
}

}  // namespace frugal::config
