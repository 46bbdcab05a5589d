// experiment=profile end to end, in this process: what it records, not how long things take.
#include <ATen/ops/ones.h>
#include <ATen/ops/relu.h>

#include <cmath>
#include <fstream>
#include <set>

#include "core/error.h"
#include "experiments/profile/options.h"
#include "experiments/trace.h"
#include "tests/experiments/run_here.h"
#include "tests/support/expect_error.h"

namespace frugal {
namespace {

using nlohmann::json;

json profile_config(const json& experiment, const json& method = {{"name", "peft"}, {"kind", "full"}}) {
  json all = {{"name", "profile"}, {"batch_sizes", {1, 8}}, {"lengths", {16}}, {"warmup", 1},
              {"min_samples", 6},  {"max_samples", 7},      {"min_seconds", 0}};
  all.update(experiment);
  return {{"seed", 5},
          {"device", test::one_thread()},
          {"model", test::tiny_model()},
          {"method", method},
          {"experiment", all}};
}

double metric(const results::RunData& data, const std::string& name) {
  const results::Metric* found = data.find_metric(name);
  if (found == nullptr) throw Error(ErrorKind::kRunFailed, "no_metric", name);
  return found->value;
}

TEST(Profile, OneRowACellAndSubjectAndEverySampleIsStored) {
  const auto here = test::run_here(profile_config({{"baseline", {{"name", "peft"}, {"kind", "bitfit"}}}}));
  ASSERT_EQ(here.result.state, results::RunState::kDone) << here.result.message;
  const results::RunData& data = here.data;
  std::set<std::string> ids;
  for (const auto& row : data.samples) ids.insert(std::get<std::string>(row.cells[0]));
  EXPECT_EQ(ids,
            (std::set<std::string>{"forward/b1/s16/model", "forward/b1/s16/baseline", "forward/b8/s16/model",
                                   "forward/b8/s16/baseline", "train_step/b1/s16/model", "train_step/b1/s16/baseline",
                                   "train_step/b8/s16/model", "train_step/b8/s16/baseline"}));
  std::map<std::string, int> cold, steady;
  for (const auto& row : data.timings) ++(row.cold ? cold : steady)[row.phase];
  for (const auto& id : ids) {
    EXPECT_EQ(cold[id], 1) << id;
    EXPECT_GE(steady[id], 6) << id;
    EXPECT_LE(steady[id], 7) << id;
  }
  EXPECT_EQ(data.timing_rules.size(), ids.size());
  EXPECT_NE(data.timing_rules[0].stop_reason.find("VALID"), std::string::npos);
  EXPECT_EQ(data.provenance.at("measuring.timer"), "steady_clock");
  const results::Metric* speedup = data.find_metric("train_step/b8/s16/speedup");
  ASSERT_NE(speedup, nullptr);
  EXPECT_GT(speedup->value, 0);
  EXPECT_TRUE(speedup->ci_low && speedup->ci_high);
  EXPECT_LE(*speedup->ci_low, speedup->value);
  for (const auto& m : data.metrics) EXPECT_EQ(m.repeat, results::Repeat::kMayVary) << m.name;
}

TEST(Profile, MemoryAddsUp) {
  const auto here = test::run_here(
      profile_config({{"batch_sizes", {1, 8}}, {"baseline", "plain"}}, {{"name", "peft"}, {"kind", "bitfit"}}));
  ASSERT_EQ(here.result.state, results::RunState::kDone) << here.result.message;
  const auto get = [&](const std::string& name) { return metric(here.data, name) * 1024 * 1024; };
  // Every activation grows with the batch; without gradients less of it lives at once.
  EXPECT_GT(get("train_step/b8/s16/activation_memory"), 6 * get("train_step/b1/s16/activation_memory"));
  EXPECT_GT(get("train_step/b8/s16/activation_memory"), 2 * get("forward/b8/s16/activation_memory"));
  // Full training holds weights, gradients and two moments of each; BitFit those of the biases only.
  EXPECT_EQ(get("baseline/train_step/b1/s16/static_memory"), 4 * get("baseline/forward/b1/s16/static_memory"));
  EXPECT_LT(get("train_step/b1/s16/static_memory"), 1.5 * get("forward/b1/s16/static_memory"));
  // Inputs: ids, mask and types, and a label an example, int64.
  EXPECT_EQ(get("train_step/b8/s16/peak_memory"),
            get("train_step/b8/s16/static_memory") + get("train_step/b8/s16/activation_memory") + 8 * (3 * 16 + 1) * 8);
}

// One definition of activation memory in the program: the trainer's figure is the profile's.
TEST(Profile, ActivationMemoryIsWhatTrainingMeasures) {
  for (const char* kind : {"full", "lora", "checkpointed"}) {
    json method = {{"name", "peft"}, {"kind", kind}};
    if (std::string(kind) == "checkpointed") method = {{"name", "peft"}, {"kind", "full"}, {"checkpointing", true}};
    const auto profiled = test::run_here(profile_config({{"batch_sizes", {8}}, {"modes", {"train_step"}}}, method));
    const json training = {{"seed", 5},
                           {"device", test::one_thread()},
                           {"dataset",
                            {{"name", "token_order"},
                             {"task", "token_order"},
                             {"min_length", 16},
                             {"max_length", 16},
                             {"train_count", 16},
                             {"dev_count", 8}}},
                           {"model", test::tiny_model()},
                           {"method", method},
                           {"experiment", {{"name", "text_classification"}, {"max_steps", 2}, {"batch_size", 8}}}};
    const auto trained = test::run_here(training);
    ASSERT_EQ(profiled.result.state, results::RunState::kDone) << profiled.result.message;
    ASSERT_EQ(trained.result.state, results::RunState::kDone) << trained.result.message;
    EXPECT_EQ(metric(profiled.data, "train_step/b8/s16/activation_memory"), metric(trained.data, "activation_memory"))
        << kind;
    EXPECT_EQ(metric(profiled.data, "train_step/b8/s16/static_memory"), metric(trained.data, "static_memory")) << kind;
  }
}

TEST(Profile, ATraceNamesOperatorsAndCountsThem) {
  const test::TempFolder folder;
  const auto file = folder.path() / "trace/calls.json";
  const at::Tensor a = at::ones({8, 8});
  const TraceCounts counts = trace_calls([&] { at::relu(at::relu(a)); }, 5, at::kCPU, file);
  EXPECT_EQ(counts.calls, 5);
  EXPECT_EQ(counts.operators, 4);  // relu, and the clamp_min it is made of
  EXPECT_EQ(counts.kernels, 0);
  std::ifstream stream(file);
  const json trace = json::parse(stream);
  int relus = 0;
  for (const auto& event : trace.at("traceEvents")) relus += event.value("name", "") == "aten::relu";
  EXPECT_EQ(relus, 10);

  const auto traced = test::run_here(profile_config({{"modes", {"train_step"}}, {"trace", 2}}));
  ASSERT_EQ(traced.result.state, results::RunState::kDone) << traced.result.message;
  EXPECT_GT(metric(traced.data, "train_step/b8/s16/operators"), 100);
}

TEST(Profile, TheContentHashHoldsNoTimes) {
  const json config = profile_config({{"modes", {"forward"}}, {"baseline", "plain"}});
  EXPECT_EQ(results::content_hash(test::run_here(config).data), results::content_hash(test::run_here(config).data));
}

json language_config(const json& experiment) {
  json config =
      profile_config({{"family", "language_model"}, {"modes", {"prefill", "decode"}}, {"batch_sizes", {2}}}, nullptr);
  config["model"] = {{"architecture", "llama"},
                     {"config",
                      {{"vocab_size", 50},
                       {"hidden_size", 16},
                       {"intermediate_size", 32},
                       {"num_hidden_layers", 3},
                       {"num_attention_heads", 4},
                       {"num_key_value_heads", 2},
                       {"max_position_embeddings", 32}}}};
  config["experiment"].update(experiment);
  return config;
}

TEST(Profile, LanguageModelsPrefillAndDecode) {
  for (const std::string precision : {"fp32", "bf16"}) {
    const auto here =
        test::run_here(language_config({{"precision", precision}, {"new_tokens", 5}, {"baseline", "plain"}}));
    ASSERT_EQ(here.result.state, results::RunState::kDone) << here.result.message;
    const auto get = [&](const std::string& name) { return metric(here.data, name); };
    const double bytes = precision == "bf16" ? 2 : 4, per_token = 3 * 2 * 2 * 4 * bytes;  // 3 layers, K and V, 2 x 4
    for (const std::string cell : {"prefill/b2/s16/", "decode/b2/s16/"}) {
      EXPECT_EQ(get(cell + "cache_bytes_per_token"), per_token);
      EXPECT_EQ(get(cell + "cache_bytes"), 2 * 16 * per_token);
      EXPECT_GT(get(cell + "speedup"), 0);
    }
    EXPECT_NEAR(get("decode/b2/s16/tokens_per_second"), 1000 * 2 * 5 / get("decode/b2/s16/median"), 1e-6);
    EXPECT_NEAR(get("decode/b2/s16/step"), get("decode/b2/s16/median") / 5, 1e-12);
    EXPECT_NEAR(get("prefill/b2/s16/tokens_per_second"), 1000 * 2 * 16 / get("prefill/b2/s16/median"), 1e-6);
    // The table has room for the new tokens.
    EXPECT_EQ(std::llround((get("decode/b2/s16/static_memory") - get("prefill/b2/s16/static_memory")) * 1024 * 1024),
              std::llround(2 * 5 * per_token));
  }
  EXPECT_EQ(test::run_here(language_config({{"new_tokens", 17}})).result.error_code, "bad_value") << "33 positions";
}

TEST(Profile, SaysWhatItCannotDo) {
  const auto too_long = test::run_here(profile_config({{"lengths", {33}}}));
  EXPECT_EQ(too_long.result.error_code, "bad_value");
  EXPECT_NE(too_long.result.message.find("32 positions"), std::string::npos) << too_long.result.message;
  const auto check = [](const json& keys) { check_profile(Json::parse(keys.dump())); };
  EXPECT_NO_THROW(check({{"name", "profile"}}));
  for (const json& bad : {json{{"modes", {"backward"}}}, json{{"modes", {"decode"}}},
                          json{{"family", "language_model"}, {"modes", {"forward"}}}, json{{"modes", json::array()}},
                          json{{"batch_sizes", {0}}}, json{{"lengths", {8, 8}}}, json{{"baseline", "lora"}},
                          json{{"min_samples", 20}, {"max_samples", 10}},
                          json{{"batch_sizes", {1, 2, 3, 4, 5}}, {"lengths", {1, 2, 3, 4, 5}}}})
    EXPECT_ERROR(check(bad), ErrorKind::kUsage, "bad_value");
  EXPECT_ERROR(check({{"batchsizes", {1}}}), ErrorKind::kUsage, "unknown_key");
}

}  // namespace
}  // namespace frugal
