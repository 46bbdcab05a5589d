// Composition of trees held in memory: values, marks, errors by kind, sweeps and their additions to Hydra.
#include "core/config/compose.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/config/complete.h"
#include "core/config/search_sweeper.h"
#include "core/config/show.h"
#include "core/config/sweep.h"
#include "core/error.h"

namespace frugal::config {
namespace {

using Strings = std::vector<std::string>;

ComposeRequest request_for(Strings overrides) {
  const auto source =
      memory_source("main", "memory://",
                    {
                        {"config.yaml",
                         "defaults:\n  - db: mysql\n  - optional extra: none\n  - _self_\nlr: 0.1\nseed: 0\n"
                         "name: run_${db.port}\nmissing: ???\nlist: [1, 2]\n"},
                        {"db/mysql.yaml", "port: 3306\nhost: local\n"},
                        {"db/pg.yaml", "# @package _global_\ndb: {port: 5432}\n"},
                        {"choose.yaml", "defaults:\n  - db: ???\n"},
                        {"twice.yaml", "defaults:\n  - _self_\n  - _self_\n"},
                        {"order.yaml", "defaults:\n  - override db: pg\n  - db: mysql\n"},
                        {"bad.yaml", "defaults: {db: mysql}\n"},
                        {"loop.yaml", "defaults:\n  - loop\n"},
                    });
  return {.config_dirs = {}, .more_sources = {source}, .overrides = std::move(overrides)};
}

std::string composed(Strings overrides, std::string name = "config") {
  auto request = request_for(std::move(overrides));
  request.config_name = std::move(name);
  try {
    const auto composition = compose(request);
    composition.config->entries.erase(Key("hydra"));
    return json_text(*composition.config);
  } catch (const Error& error) {
    return "!" + error.code();
  }
}

TEST(ComposeTest, MergesDefaultsAndOverrides) {
  EXPECT_EQ(
      composed({"lr=0.2", "+new.key=[a]", "missing=0", "~list"}),
      R"({"db": {"port": 3306, "host": "local"}, "lr": 0.2, "seed": 0, "name": "run_${db.port}", "missing": 0, "new": {"key": ["a"]}})");
  EXPECT_EQ(composed({"db=pg", "missing=0", "~list", "db.port=1"}),
            R"({"db": {"port": 1}, "lr": 0.1, "seed": 0, "name": "run_${db.port}", "missing": 0})");
}

struct KindCase {
  const char* kind;
  Strings overrides;
  const char* config = "config";
};

class ErrorKindTest : public testing::TestWithParam<KindCase> {};

TEST_P(ErrorKindTest, IsTheOneOfTheContract) {
  EXPECT_EQ(composed(GetParam().overrides, GetParam().config), std::string("!") + GetParam().kind);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, ErrorKindTest,
    testing::Values(KindCase{"syntax_error", {"lr=="}}, KindCase{"eval_error", {"lr=int(x)"}},
                    KindCase{"override_key_missing", {"lrr=1"}}, KindCase{"override_key_missing", {"db.prot=1"}},
                    KindCase{"override_group_missing", {"db@x=pg"}}, KindCase{"override_group_missing", {"nope@x=pg"}},
                    KindCase{"add_key_exists", {"+lr=1"}}, KindCase{"multiple_values_for_group", {"+db=pg"}},
                    KindCase{"delete_missing", {"~nope"}}, KindCase{"delete_value_mismatch", {"~lr=3"}},
                    KindCase{"delete_group_missing", {"~db=pg"}}, KindCase{"config_not_found", {"db=nope"}},
                    KindCase{"config_not_found", {}, "nope"}, KindCase{"duplicate_self", {}, "twice"},
                    KindCase{"duplicate_default", {"+db@x=pg", "+db@x=pg"}}, KindCase{"missing_choice", {}, "choose"},
                    KindCase{"bad_defaults_override_order", {}, "order"},
                    KindCase{"sweep_requires_multirun", {"lr=1,2"}},
                    KindCase{"sweep_requires_multirun", {"lr=range(3)"}}, KindCase{"group_value_not_string", {"db=5"}},
                    KindCase{"force_add_group", {"++db=pg"}}, KindCase{"override_merge_error", {"list={a:1}"}},
                    KindCase{"override_merge_error", {"list.7=1"}}, KindCase{"override_merge_error", {"lr='${a'"}},
                    KindCase{"override_merge_error", {"hydra.job.num=x"}}, KindCase{"invalid_defaults", {}, "bad"},
                    KindCase{"invalid_defaults", {}, "loop"}));

INSTANTIATE_TEST_SUITE_P(Syntax, ErrorKindTest, testing::Values(KindCase{"syntax_error", {"lr=${a${b"}}));

TEST(ComposeTest, KnowsWhereValuesComeFrom) {
  const auto composition = compose(request_for({"lr=3"}));
  EXPECT_EQ(composition.where("lr"), "override 'lr=3'");
  EXPECT_EQ(composition.where("db.port"), "memory:///db/mysql.yaml:1:7");
  EXPECT_EQ(composition.where("list.1"), "memory:///config.yaml:9:11");
  EXPECT_EQ(composition.where("nope"), "");
}

TEST(ComposeTest, ErrorsNameTheNearestKey) {
  try {
    compose(request_for({"seeed=1"}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.hint().find("'seed'"), std::string::npos) << error.hint();
    EXPECT_EQ(error.where(), "override 'seeed=1'");
  }
}

TEST(ComposeTest, HydraNodeIsFilled) {
  const auto composition = compose(request_for({"lr=3", "hydra.run.dir=out"}));
  EXPECT_EQ(json_text(*select(composition.config, "hydra.run.dir")), "\"out\"");
  EXPECT_EQ(json_text(*select(composition.config, "hydra.job.override_dirname")), "\"lr=3\"");
  EXPECT_EQ(json_text(*select(composition.config, "hydra.runtime.choices.db")), "\"mysql\"");
  EXPECT_EQ(composition.hydra_overrides, Strings{"hydra.run.dir=out"});
  EXPECT_EQ(composition.defaults.back().config_path, "config");
}

TEST(ResolveTest, FollowsInterpolations) {
  const auto composition = compose(request_for({}));
  EXPECT_EQ(json_text(*select(composition.config, "name")), "\"run_3306\"");
  EXPECT_THROW(require_no_missing(*composition.config->find("missing")), Error);
  EXPECT_EQ(to_json(*resolve(composition.config->find("db"))).dump(), R"({"port":3306,"host":"local"})");
}

TEST(ShowTest, PrintsPartsAndTables) {
  const auto composition = compose(request_for({"missing=0"}));
  EXPECT_EQ(cfg_text(composition, {.package = "db"}), "# @package db\nport: 3306\nhost: local\n");
  EXPECT_TRUE(cfg_text(composition, {.resolve = Resolve::kYes}).find("name: run_3306\n") != std::string::npos);
  EXPECT_TRUE(cfg_text(composition, {.part = CfgPart::kHydra}).starts_with("hydra:\n"));
  EXPECT_THROW(cfg_text(composition, {.package = "nope"}), Error);
  EXPECT_TRUE(defaults_text(composition).find("db/mysql") != std::string::npos);
  EXPECT_TRUE(defaults_tree_text(composition).find("  config\n    db: mysql\n") != std::string::npos);
  EXPECT_TRUE(searchpath_text(composition).find("main     | memory://\n") != std::string::npos);
}

TEST(YamlTextTest, QuotesWhatWouldReadAsSomethingElse) {
  auto node = Node::dict();
  for (const auto* text : {"plain text", "1", "true", "a: b", "", "null", "1e3", "it's"})
    node->set(text, Node::of(std::string(text)));
  node->set("list", Node::list());
  node->find("list")->append(Node::of(1.5e-7));
  EXPECT_EQ(
      yaml_text(*node),
      "plain text: plain text\n'1': '1'\n'true': 'true'\n'a: b': 'a: b'\n? ''\n: ''\n'null': 'null'\n'1e3': '1e3'\n"
      "it's: it's\nlist:\n- 1.5e-07\n");
}

std::vector<JobOverrides> jobs(Strings overrides) {
  return plan_sweep(request_for(std::move(overrides))).jobs;
}

TEST(SweepTest, ProductZipSeedsFilter) {
  EXPECT_EQ(
      jobs({"lr=1,2", "db=pg,mysql"}),
      (std::vector<JobOverrides>{{"lr=1", "db=pg"}, {"lr=1", "db=mysql"}, {"lr=2", "db=pg"}, {"lr=2", "db=mysql"}}));
  EXPECT_EQ(jobs({"hydra.sweep.zip=[lr,db]", "lr=1,2", "db=pg,mysql"}),
            (std::vector<JobOverrides>{{"lr=1", "db=pg"}, {"lr=2", "db=mysql"}}));
  EXPECT_EQ(jobs({"hydra.sweep.seeds=2", "lr=1"}), (std::vector<JobOverrides>{{"lr=1", "seed=0"}, {"lr=1", "seed=1"}}));
  EXPECT_EQ(jobs({"hydra.sweep.filter='lr * 2 < db.port - 5428 and db == \"pg\"'", "lr=1,2", "db=pg,mysql"}),
            (std::vector<JobOverrides>{{"lr=1", "db=pg"}}));
  EXPECT_EQ(jobs({"db=glob(*,exclude=my*)"}), (std::vector<JobOverrides>{{"db=pg"}}));
}

TEST(SweepTest, BatchesAndMistakes) {
  EXPECT_EQ(plan_sweep(request_for({"lr=range(5)"}), {.max_batch_size = 2}).batches,
            (std::vector<std::size_t>{2, 2, 1}));
  for (const auto& [kind, overrides] : std::vector<std::pair<std::string, Strings>>{
           {"unsupported_sweep", {"lr=interval(0,1)"}},
           {"unsupported_sweep", {"hydra.verbose=true,false"}},
           {"unsupported_sweep", {"hydra.sweep.zip=[lr,seed]", "lr=1,2", "seed=1,2,3"}},
           {"unsupported_sweep", {"hydra.sweep.zip=[nope]", "lr=1,2"}},
           {"eval_error", {"hydra.sweep.filter='nope == 1'", "lr=1,2"}},
           {"eval_error", {"hydra.sweep.filter='lr <'", "lr=1,2"}},
           {"config_not_found", {"db=pg,nope"}},
       }) {
    try {
      plan_sweep(request_for(overrides));
      ADD_FAILURE() << overrides[0];
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), kind) << overrides[0];
    }
  }
}

// The searching sweepers: what they plan follows from seed and results alone.
struct Search {
  ComposeRequest request;
  SearchSpace space;
  SearchOptions options;
};

Search search_for(Strings overrides) {
  auto request = request_for(std::move(overrides));
  request.multirun = true;
  const auto composition = compose(request);
  return {request, search_space(request, composition), search_options(composition).value()};
}

std::vector<Trial> run_search(const Search& search, std::size_t batch) {
  std::vector<Trial> trials;
  for (auto next = next_jobs(search.space, search.options, trials, batch); !next.empty();
       next = next_jobs(search.space, search.options, trials, batch))
    for (auto& job : next) {
      const double x = std::stod(job[0].substr(job[0].find('=') + 1));
      trials.push_back({job, (x - 0.3) * (x - 0.3) + (job[1] == "db=pg" ? 0.0 : 0.5)});
    }
  return trials;
}

TEST(SearchSweeperTest, GoesOnWhereItStopped) {
  for (const auto* sweeper : {"random", "sobol", "tpe"}) {
    const auto search = search_for(
        {std::string("hydra/sweeper=") + sweeper, "hydra.sweeper.n_trials=25", "lr=interval(0,1)", "db=mysql,pg"});
    const auto whole = run_search(search, 1);
    ASSERT_EQ(whole.size(), 25U) << sweeper;
    std::vector<Trial> part(whole.begin(), whole.begin() + 15);
    EXPECT_EQ(next_jobs(search.space, search.options, part, 1)[0], whole[15].overrides) << sweeper;
  }
}

TEST(SearchSweeperTest, SobolFillsEvenly) {
  const auto search =
      search_for({"hydra/sweeper=sobol", "hydra.sweeper.n_trials=16", "lr=interval(0,1)", "db=mysql,pg"});
  std::set<int> sixteenths;
  for (const auto& trial : run_search(search, 16))
    sixteenths.insert(static_cast<int>(16 * std::stod(trial.overrides[0].substr(3))));
  EXPECT_EQ(sixteenths.size(), 16U);
}

TEST(SearchSweeperTest, TpeFindsBetterThanItStarted) {
  const auto search = search_for({"hydra/sweeper=tpe", "hydra.sweeper.n_trials=60", "lr=interval(0,1)", "db=mysql,pg"});
  const auto trials = run_search(search, 1);
  const auto mean = [&](std::size_t from, std::size_t to) {
    double sum = 0;
    for (auto i = from; i < to; ++i) sum += *trials[i].objective;
    return sum / static_cast<double>(to - from);
  };
  EXPECT_LT(mean(40, 60), 0.5 * mean(0, 10));
}

TEST(CompleteTest, OffersGroupsOptionsKeysAndValues) {
  const auto candidates = [](const std::string& line) { return complete(request_for({}), line); };
  EXPECT_EQ(candidates("db="), (Strings{"db=mysql", "db=pg"}));
  EXPECT_EQ(candidates("d"), (Strings{"db.", "db="}));
  EXPECT_EQ(candidates("db.p"), Strings{"db.port="});
  EXPECT_EQ(candidates("lr="), Strings{"lr=0.1"});
  EXPECT_EQ(candidates("db=pg db.port="), Strings{"db.port=5432"});
}

}  // namespace
}  // namespace frugal::config
