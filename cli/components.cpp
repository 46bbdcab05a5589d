#include "cli/components.h"

#include <algorithm>
#include <map>

#include "cli/sleep_options.h"
#include "core/config/did_you_mean.h"
#include "core/error.h"
#include "core/io/resources.h"
#include "experiments/distillation/options.h"
#include "experiments/documents/options.h"
#include "experiments/forward/options.h"
#include "experiments/language_modelling/options.h"
#include "experiments/multiple_choice/options.h"
#include "experiments/parallel/options.h"
#include "experiments/preference/options.h"
#include "experiments/profile/options.h"
#include "experiments/registry.h"
#include "experiments/text_classification/options.h"
#include "methods/common/peft_options.h"
#include "methods/meft/options.h"
#include "methods/registry.h"
#include "methods/x_ecomla/baselines/options.h"
#include "methods/x_ecomla/options.h"
#include "models/architecture.h"
#include "models/language/config.h"
#include "models/options.h"
#include "models/registry.h"
#include "models/text/bert_config.h"

namespace frugal::cli {
namespace {

constexpr const char* kRootKeys[] = {"seed",       "device",  "data",  "dataset",  "model", "method",
                                     "experiment", "metrics", "table", "parallel", "hydra", "user"};

// The keys of a table as nested objects of their defaults.
Json defaults_of(const std::vector<OptionInfo>& infos) {
  Json root = Json::object();
  for (const OptionInfo& info : infos) {
    Json* at = &root;
    std::string_view rest = info.name;
    for (size_t dot = rest.find('.'); dot != std::string_view::npos; dot = rest.find('.')) {
      at = &(*at)[std::string(rest.substr(0, dot))];
      rest.remove_prefix(dot + 1);
    }
    (*at)[std::string(rest)] = info.default_value;
  }
  return root;
}

std::string place(const Locator& where, std::string_view key) {
  return where ? where(key) : std::string();
}

void check_root(const Json& config, const Locator& where) {
  const std::vector<std::string> known(std::begin(kRootKeys), std::end(kRootKeys));
  for (const auto& [key, value] : config.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    throw Error(ErrorKind::kUsage, "unknown_key", cat("unknown key '", key, "'"), place(where, key),
                did_you_mean(key, known, "one's own keys belong under 'user'"));
  }
  if (const auto seed = config.find("seed");
      seed != config.end() && !seed->is_number_unsigned() && !(seed->is_number_integer() && seed->get<int64_t>() >= 0))
    throw Error(ErrorKind::kUsage, "bad_value", cat("'seed' must be a whole number, at least 0, found ", seed->dump()),
                place(where, "seed"));
  if (const auto data = config.find("data"); data != config.end() && data->is_object())
    for (const auto& [key, value] : data->items())
      if (key != "root")
        throw Error(ErrorKind::kUsage, "unknown_key", cat("unknown key 'data.", key, "'"), place(where, "data." + key),
                    "did you mean 'data.root'?");
}

void require_node(const Json& config, const std::string& node, const std::string& example) {
  const auto found = config.find(node);
  if (found == config.end() || found->is_null())
    throw Error(ErrorKind::kUsage, "missing_choice", cat("this experiment needs a ", node), node,
                cat("e.g. ", node, "=", example));
}

// Each kind of data set has readers and keys of its own.
struct DatasetKind {
  std::string_view what;     // it holds
  std::string_view example;  // of a data set
  std::string_view experiment;
};
constexpr DatasetKind kLabelledTexts = {"labelled texts", "sst2", "text_classification"};
constexpr DatasetKind kQuestions = {"questions with choices", "arc_easy", "multiple_choice"};
constexpr DatasetKind kDocuments = {"whole texts", "wikitext", "language_modelling"};
constexpr DatasetKind kPreferences = {"preferred and rejected answers", "preferences", "preference"};

const DatasetKind& kind_of_dataset(const Json& config) {
  const Json* name = options_detail::find(config, "dataset.name");
  if (name != nullptr && *name == "multiple_choice") return kQuestions;
  if (name != nullptr && *name == "preferences") return kPreferences;
  return name != nullptr && (*name == "text" || *name == "wikitext") ? kDocuments : kLabelledTexts;
}

void check_dataset_kind(const Json& config, const Locator& where, const DatasetKind& wanted) {
  require_node(config, "dataset", std::string(wanted.example));
  const DatasetKind& found = kind_of_dataset(config);
  if (found.what == wanted.what) return;
  throw Error(ErrorKind::kUsage, "wrong_dataset",
              cat("this experiment reads ", wanted.what, ", and this data set holds ", found.what),
              place(where, "dataset.name"), cat("e.g. dataset=", wanted.example, ", or experiment=", found.experiment));
}

// family: the one that the experiment works on; null for any.
void check_model(const Json& config, const Locator& where, std::optional<ModelFamily> family) {
  require_node(config, "model", family == ModelFamily::kLanguageModel ? "smollm2_135m" : "minilm_l6");
  const ModelOptions model = model_options().read(config["model"], "model", where);
  const bool has_keys = model.config.is_object() && !model.config.empty();
  // The model's own folder is opened only where there are keys to check against what it says.
  if (model.architecture == "auto" && model.path && !has_keys) return;
  const std::string architecture =
      architecture_of(model.architecture, model.path ? io::model_path(*model.path) : std::filesystem::path());
  const ArchitectureInfo* info = find_architecture(architecture);
  if (info == nullptr) return;  // the worker names those there are
  if (family && info->family != *family)
    throw Error(ErrorKind::kUsage, "wrong_family",
                cat("this experiment works on a ", name(*family), ", and ", architecture, " is a ", name(info->family)),
                place(where, "model.architecture"), cat("there are: ", architectures_of(*family)));
  info->check_config(model.config, where);
}

void check_method(const Json& method, const Locator& where) {
  method_info(method, where).check(method, where);
  const Json* texts = options_detail::find(method, "calibration.dataset");
  if (texts == nullptr || texts->is_null() || *texts == "random") return;
  if (!texts->is_object())
    throw Error(ErrorKind::kUsage, "bad_value", cat("must be null, random or a data set's keys, found ", texts->dump()),
                place(where, "method.calibration.dataset"), "dataset@method.calibration.dataset=wikitext_train");
  document_dataset_options().read(*texts, "method.calibration.dataset", where);
}

void check_optional_method(const Json& config, const Locator& where) {
  if (const auto method = config.find("method"); method != config.end() && !method->is_null())
    check_method(*method, where);
}

void check_forward(const Json& config, const Locator& where) {
  forward_options().read(config["experiment"], "experiment", where);
  check_model(config, where, std::nullopt);
  check_optional_method(config, where);
}

void check_text_classification(const Json& config, const Locator& where) {
  text_classification_options().read(config["experiment"], "experiment", where);
  check_dataset_kind(config, where, kLabelledTexts);
  check_model(config, where, ModelFamily::kTextEncoder);
  require_node(config, "method", "lora");
  text_dataset_options().read(config["dataset"], "dataset", where);
  method_info(config["method"], where).check(config["method"], where);
}

void check_multiple_choice(const Json& config, const Locator& where) {
  multiple_choice_options().read(config["experiment"], "experiment", where);
  check_dataset_kind(config, where, kQuestions);
  check_model(config, where, ModelFamily::kLanguageModel);
  multiple_choice_dataset_options().read(config["dataset"], "dataset", where);
  check_optional_method(config, where);
}

// Of the experiments that read whole texts, maybe beside a teacher.
void check_on_documents(const Json& config, const Locator& where) {
  check_dataset_kind(config, where, kDocuments);
  check_model(config, where, ModelFamily::kLanguageModel);
  document_dataset_options().read(config["dataset"], "dataset", where);
  check_optional_method(config, where);
}

void check_language_modelling(const Json& config, const Locator& where) {
  const auto o = language_modelling_options().read(config["experiment"], "experiment", where);
  check_teacher(o.teacher, {"none", "base"}, where);
  check_on_documents(config, where);
}

void check_distillation(const Json& config, const Locator& where) {
  const auto o = distillation_options().read(config["experiment"], "experiment", where);
  check_teacher(o.teacher, {"base"}, where);
  check_on_documents(config, where);
}

void check_profiled(const Json& config, const Locator& where) {
  check_profile(config["experiment"], where);
  check_model(config, where,
              config["experiment"].value("family", "") == "language_model" ? ModelFamily::kLanguageModel
                                                                           : ModelFamily::kTextEncoder);
  check_optional_method(config, where);
  if (const Json& baseline = config["experiment"]["baseline"]; baseline.is_object())
    method_info(baseline, where).check(baseline, where);
  if (config.contains("dataset") && !config["dataset"].is_null())
    throw Error(ErrorKind::kUsage, "unread_node", "experiment=profile makes its own inputs and reads no data set",
                place(where, "dataset"), "leave the dataset out, or dataset=null");
}

void check_sleep(const Json& config, const Locator& where) {
  sleep_option_table().read(config["experiment"], "experiment", where);
}

void check_preference(const Json& config, const Locator& where) {
  preference_options().read(config["experiment"], "experiment", where);
  check_dataset_kind(config, where, kPreferences);
  check_model(config, where, ModelFamily::kLanguageModel);
  preference_dataset_options().read(config["dataset"], "dataset", where);
  check_optional_method(config, where);
}

// Of every experiment: what checks its config. registry_test.cpp sees that none is missing.
struct ExperimentCheck {
  std::string_view name;
  void (*check)(const Json& config, const Locator& where);
};
constexpr ExperimentCheck kExperimentChecks[] = {{"text_classification", check_text_classification},
                                                 {"forward", check_forward},
                                                 {"multiple_choice", check_multiple_choice},
                                                 {"language_modelling", check_language_modelling},
                                                 {"distillation", check_distillation},
                                                 {"preference", check_preference},
                                                 {"profile", check_profiled},
                                                 {"sleep", check_sleep}};

template <typename Struct>
ComponentOptions entry(const char* name, const char* node, const OptionTable<Struct>& table) {
  return {.name = name, .node = node, .title = table.title(), .infos = &table.infos()};
}

}  // namespace

std::vector<ComponentOptions> component_options() {
  return {entry("device", "device", device_options()),
          entry("parallel", "parallel", parallel_options()),
          entry("text_dataset", "dataset", text_dataset_options()),
          entry("multiple_choice_dataset", "dataset", multiple_choice_dataset_options()),
          entry("documents", "dataset", document_dataset_options()),
          entry("preferences", "dataset", preference_dataset_options()),
          entry("model", "model", model_options()),
          entry("bert_config", "model.config", bert_config_options()),
          entry("llama_config", "model.config", llama_config_options()),
          entry("opt_config", "model.config", opt_config_options()),
          entry("peft", "method", peft_options()),
          entry("meft", "method", meft::meft_options()),
          entry("x_ecomla", "method", x_ecomla::x_ecomla_options()),
          entry("kv_quant", "method", x_ecomla::kv_quant_options()),
          entry("mha2mla", "method", x_ecomla::mha2mla_options()),
          entry("transmla", "method", x_ecomla::transmla_options()),
          entry("text_classification", "experiment", text_classification_options()),
          entry("forward", "experiment", forward_options()),
          entry("multiple_choice", "experiment", multiple_choice_options()),
          entry("language_modelling", "experiment", language_modelling_options()),
          entry("distillation", "experiment", distillation_options()),
          entry("preference", "experiment", preference_options()),
          entry("profile", "experiment", profile_options()),
          entry("sleep", "experiment", sleep_option_table())};
}

std::shared_ptr<config::ConfigSource> options_source() {
  std::map<std::string, std::string, std::less<>> files;
  for (const ComponentOptions& component : component_options())
    files["options/" + component.name + ".yaml"] = defaults_of(*component.infos).dump(1) + "\n";  // JSON is YAML
  return config::memory_source("options", "options://", std::move(files));
}

void check_components(const Json& config, const Locator& where) {
  check_root(config, where);
  const Json* experiment = options_detail::find(config, "experiment.name");
  const std::string name = experiment != nullptr && experiment->is_string() ? experiment->get<std::string>() : "";
  if (config.contains("device")) device_options().read(config["device"], "device", where);
  std::vector<std::string> names;
  for (const ExperimentCheck& experiment : kExperimentChecks) {
    if (experiment.name == name) {
      experiment.check(config, where);
      return check_parallel(config, where);
    }
    names.emplace_back(experiment.name);
  }
  throw Error(ErrorKind::kUsage, "unknown_experiment", cat("there is no experiment '", name, "'"),
              place(where, "experiment.name"), did_you_mean(name, names, "frugal list experiments"));
}

std::string worker_flavour(const Json& config) {
  const Json* name = options_detail::find(config, "experiment.name");
  if (name != nullptr && *name == "sleep") return "plain";
  const Json* type = options_detail::find(config, "device.type");
  if (type != nullptr && *type == "cuda") return "cuda";
  return parallel_options().read(config.value("parallel", Json()), "parallel").ranks > 1 ? "mpi" : "cpu";
}

}  // namespace frugal::cli
