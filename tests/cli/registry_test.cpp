// Every name in configs/ resolves, and the two halves of each registry match.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "cli/catalogue.h"
#include "cli/components.h"
#include "core/config/show.h"
#include "core/error.h"
#include "core/io/resources.h"
#include "experiments/registry.h"
#include "methods/registry.h"
#include "metrics/glue.h"
#include "metrics/info.h"
#include "tests/support/expect_error.h"

namespace frugal::cli {
namespace {

using testing::Contains;

// As `frugal run` composes and checks, without running.
Json compose_and_check(std::vector<std::string> overrides) {
  const config::Composition composition = config::compose({.config_dirs = {io::resource("configs")},
                                                           .more_sources = {options_source()},
                                                           .overrides = std::move(overrides)});
  const config::NodePtr resolved = config::cfg_node(composition, {.resolve = config::Resolve::kYes});
  config::require_no_missing(*resolved);
  Json config = config::to_json(*resolved);
  check_components(config, [&](std::string_view key) { return composition.where(key); });
  return config;
}

// What a config leaves to the user.
std::vector<std::string> still_missing(const std::string& group, const std::string& name) {
  static const std::map<std::string, std::vector<std::string>> values = {
      {"dataset/glue", {"dataset.task=cola"}},
      {"dataset/tsv", {"dataset.train=a.tsv", "dataset.dev=b.tsv"}},
      {"dataset/jsonl", {"dataset.train=a.jsonl", "dataset.dev=b.jsonl"}},
      {"dataset/text", {"dataset.files=[a.jsonl]"}},
      {"model/auto", {"model.path=somewhere"}}};
  const auto found = values.find(group + "/" + name);
  return found == values.end() ? std::vector<std::string>{} : found->second;
}

// Whether a data set's config starts from this table of options.
bool starts_from(const std::string& dataset, const std::string& table) {
  std::ifstream file(io::resource("configs") / "dataset" / (dataset + ".yaml"));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return text.find("/options/" + table + "@") != std::string::npos;
}

class Configs : public testing::TestWithParam<const char*> {};

TEST_P(Configs, EachComposesAndPassesItsChecks) {
  const std::string group = GetParam();
  const auto entries = configs_of(group);
  ASSERT_FALSE(entries.empty());
  for (const auto& entry : entries) {
    std::vector<std::string> overrides = {group + "=" + entry.name};
    if (group == "experiment" &&
        (entry.name == "text_classification" || entry.name == "profile" || entry.name == "forward"))
      overrides.insert(overrides.end(), {"model=tiny_bert", "method=full"});
    if (group == "experiment" && entry.name == "text_classification") overrides.emplace_back("dataset=token_order");
    if (group == "experiment" && entry.name == "decode") overrides.emplace_back("model=tiny_llama");
    if (group == "experiment" && entry.name == "multiple_choice")
      overrides.insert(overrides.end(), {"model=tiny_llama", "dataset=arc_easy"});
    if (group == "experiment" && (entry.name == "language_modelling" || entry.name == "distillation"))
      overrides.insert(overrides.end(), {"model=tiny_llama", "dataset=wikitext"});
    if (group == "experiment" && entry.name == "preference")
      overrides.insert(overrides.end(), {"model=tiny_llama", "dataset=preferences"});
    if (group == "dataset" && starts_from(entry.name, "preferences"))
      overrides.insert(overrides.end(), {"experiment=preference", "model=tiny_llama"});
    if (group == "dataset" && starts_from(entry.name, "multiple_choice_dataset"))
      overrides.insert(overrides.end(), {"experiment=multiple_choice", "model=tiny_llama"});
    if (group == "dataset" && starts_from(entry.name, "documents"))
      overrides.insert(overrides.end(), {"experiment=language_modelling", "model=tiny_llama"});
    if (group == "model") overrides.emplace_back("experiment=forward");  // takes every family
    const auto more = still_missing(group, entry.name);
    overrides.insert(overrides.end(), more.begin(), more.end());
    EXPECT_NO_THROW({
      try {
        compose_and_check(overrides);
      } catch (const Error& error) {
        ADD_FAILURE() << overrides[0] << ": " << error.what();
      }
    });
    EXPECT_FALSE(entry.title.empty()) << group << "/" << entry.name << ".yaml: no comment on top says what it is";
  }
}
INSTANTIATE_TEST_SUITE_P(Groups, Configs, testing::Values("method", "dataset", "model", "experiment", "device"));

TEST(Configs, ADataSetOfAnotherKindIsRefusedByName) {
  EXPECT_ERROR(compose_and_check({"experiment=text_classification", "model=tiny_bert", "method=full", "dataset=piqa"}),
               ErrorKind::kUsage, "wrong_dataset");
  EXPECT_ERROR(compose_and_check({"experiment=multiple_choice", "model=tiny_llama", "dataset=sst2"}), ErrorKind::kUsage,
               "wrong_dataset");
  EXPECT_ERROR(compose_and_check({"experiment=multiple_choice", "model=tiny_bert", "dataset=piqa"}), ErrorKind::kUsage,
               "wrong_family");
}

TEST(Configs, ATeacherIsAModelOfItsOwn) {
  const std::vector<std::string> run = {"experiment=distillation", "model=tiny_llama", "dataset=text"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), run.begin(), run.end());
    return compose_and_check(more);
  };
  EXPECT_EQ(with({})["experiment"]["teacher"], "base");
  const Json config = with({"model@experiment.teacher=smollm2_135m"});
  EXPECT_EQ(config["experiment"]["teacher"]["architecture"], "auto");
  EXPECT_EQ(config["model"]["architecture"], "llama");
  EXPECT_ERROR(with({"experiment.teacher=none"}), ErrorKind::kUsage, "bad_value");
  EXPECT_ERROR(with({"model@experiment.teacher=tiny_llama", "+experiment.teacher.depth=3"}), ErrorKind::kUsage,
               "unknown_key");
  EXPECT_ERROR(compose_and_check({"experiment=language_modelling", "model=tiny_llama", "dataset=sst2"}),
               ErrorKind::kUsage, "wrong_dataset");
  EXPECT_ERROR(compose_and_check({"experiment=multiple_choice", "model=tiny_llama", "dataset=wikitext"}),
               ErrorKind::kUsage, "wrong_dataset");
}

TEST(Configs, ABaselineIsAMethodOfItsOwn) {
  const Json config =
      compose_and_check({"experiment=profile", "model=tiny_bert", "method=meft1", "method@experiment.baseline=lora"});
  EXPECT_EQ(config["experiment"]["baseline"]["kind"], "lora");
  EXPECT_EQ(config["method"]["name"], "meft");
  EXPECT_ERROR(compose_and_check({"experiment=profile", "model=tiny_bert", "method@experiment.baseline=lora",
                                  "experiment.baseline.rank=0"}),
               ErrorKind::kUsage, "bad_value");
  EXPECT_ERROR(compose_and_check({"experiment=profile", "model=tiny_bert", "dataset=cola"}), ErrorKind::kUsage,
               "unread_node");
  EXPECT_EQ(compose_and_check(
                {"experiment=profile", "model=tiny_bert", "experiment.baseline=plain"})["experiment"]["baseline"],
            "plain");
}

TEST(Registry, EveryMethodThatIsListedCanBeMade) {
  for (const MethodInfo& info : method_infos()) {
    const Json node = {{"name", info.name}};
    EXPECT_NO_THROW(make_method(node)) << info.name;
    EXPECT_FALSE(info.options().empty()) << info.name;
  }
  EXPECT_ERROR(make_method({{"name", "peff"}}), ErrorKind::kUsage, "unknown_method");
}

TEST(Registry, TheTwoHalvesOfTheExperimentsMatch) {
  std::set<std::string_view> listed, there;
  for (const ExperimentInfo& info : experiment_infos()) listed.insert(info.name);
  for (const Experiment& experiment : experiments()) there.insert(experiment.name);
  EXPECT_EQ(listed, there);
}

TEST(Registry, EveryExperimentAndMethodHasItsOptionsAndItsCheck) {
  std::vector<std::string> components;
  for (const ComponentOptions& component : component_options()) components.push_back(component.name);
  for (const ExperimentInfo& info : experiment_infos()) {
    EXPECT_THAT(components, Contains(std::string(info.name)));
    // Known to the check: what it then finds wrong is another thing than the name.
    try {
      check_components({{"experiment", {{"name", info.name}}}}, {});
    } catch (const Error& error) {
      EXPECT_NE(error.code(), "unknown_experiment") << info.name;
    }
  }
  for (const MethodInfo& info : method_infos()) EXPECT_THAT(components, Contains(std::string(info.name)));
  EXPECT_ERROR(check_components({{"experiment", {{"name", "profil"}}}}, {}), ErrorKind::kUsage, "unknown_experiment");
}

TEST(Registry, TheMetricsListedAreThoseThatTasksReport) {
  std::set<std::string_view> listed;
  std::set<std::string> reported = {"f1_macro"};  // of tasks outside of GLUE
  for (const auto& info : metrics::metric_infos()) listed.insert(info.name);
  for (const char* task : {"cola", "sst2", "mrpc", "qqp", "stsb", "mnli", "qnli", "rte", "wnli"})
    for (auto& name : metrics::glue_metrics(task)) reported.insert(std::move(name));
  EXPECT_EQ(listed, std::set<std::string_view>(reported.begin(), reported.end()));
}

TEST(Catalogue, TheTitleIsTheFirstComment) {
  EXPECT_EQ(title_of("# LoRA \na: 1\n"), "LoRA");
  EXPECT_EQ(title_of("# @package _global_\n#\n#  what it is\n# more\n"), "what it is");
  EXPECT_EQ(title_of("a: 1   # no title\n# late\n"), "");
  EXPECT_EQ(title_of(""), "");
  EXPECT_TRUE(configs_of("no_such_group").empty());
}

}  // namespace
}  // namespace frugal::cli
