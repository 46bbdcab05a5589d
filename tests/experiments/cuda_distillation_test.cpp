// Distillation on a real GPU. Built wherever nvcc is; skips itself without a device.
#include <ATen/Context.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

#include <fstream>

#include "models/language/distillation_loss.h"
#include "models/nn/autocast_state.h"
#include "models/nn/cuda_support.h"
#include "tests/experiments/run_here.h"

namespace frugal {
namespace {

using nlohmann::json;

bool has_gpu() {
  return at::hasCUDA() && cuda::device_count() > 0;
}

struct Gradients {
  at::Tensor loss, hidden, weight;  // fp64, host
};

Gradients gradients(const at::Tensor& hidden, const at::Tensor& weight, const at::Tensor& teacher,
                    const at::Tensor& teacher_weight, const at::Tensor& targets, bool narrow) {
  const at::Tensor h = hidden.detach().requires_grad_(true), w = weight.detach().requires_grad_(true);
  const at::DeviceType device = h.device().type();
  DistillationLoss loss;
  {
    const AutocastScope scope(AutocastState(device, narrow, at::kBFloat16));
    loss = distillation_loss(h, {w}, teacher, {teacher_weight}, targets, {.ce_weight = 0.5, .chunk = 100});
  }
  const auto found = torch::autograd::grad({loss.total}, {h, w});
  const auto host = [](const at::Tensor& t) { return t.detach().to(at::kCPU, at::kDouble); };
  return {.loss = host(loss.total), .hidden = host(found[0]), .weight = host(found[1])};
}

void expect_near(const at::Tensor& found, const at::Tensor& wanted, double relative) {
  EXPECT_LT((found - wanted).abs().max().item<double>(), relative * wanted.abs().max().item<double>());
}

// fp32 equals fp64 on the CPU; bf16 is as near as bf16 is.
TEST(CudaDistillation, TheLossIsTheCpus) {
  if (!has_gpu()) GTEST_SKIP() << "no usable GPU on this machine";
  at::manual_seed(8);
  const at::Tensor hidden = at::randn({3, 70, 64}), weight = at::randn({1000, 64}) * 0.2;
  const at::Tensor teacher = at::randn({3, 70, 48}), teacher_weight = at::randn({1000, 48}) * 0.2;
  at::Tensor targets = at::randint(0, 1000, {3, 70}, at::kLong);
  targets.select(1, 69).fill_(kIgnoredTarget);
  const auto on = [&](at::Device device, at::ScalarType type, bool narrow) {
    return gradients(hidden.to(device, type), weight.to(device, type), teacher.to(device, type),
                     teacher_weight.to(device, type), targets.to(device), narrow);
  };
  const Gradients wanted = on(at::kCPU, at::kDouble, false);
  for (const bool narrow : {false, true}) {
    const Gradients found = on(at::kCUDA, at::kFloat, narrow);
    expect_near(found.loss, wanted.loss, narrow ? 1e-2 : 1e-5);
    expect_near(found.hidden, wanted.hidden, narrow ? 3e-2 : 1e-4);
    expect_near(found.weight, wanted.weight, narrow ? 3e-2 : 1e-4);
  }
}

// A byte-level tokenizer of the small letters, and words to train on.
void write_inputs(const std::filesystem::path& folder) {
  json vocabulary = {{"</s>", 0}, {"\u0120", 1}};
  for (int i = 0; i < 26; ++i) vocabulary[std::string(1, static_cast<char>('a' + i))] = 2 + i;
  const json tokenizer = {
      {"version", "1.0"},
      {"added_tokens",
       {{{"id", 0},
         {"content", "</s>"},
         {"special", true},
         {"single_word", false},
         {"lstrip", false},
         {"rstrip", false},
         {"normalized", false}}}},
      {"normalizer", nullptr},
      {"pre_tokenizer",
       {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}}},
      {"post_processor", nullptr},
      {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}}},
      {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", json::array()}}}};
  std::ofstream(folder / "tokenizer.json") << tokenizer;
  std::ofstream(folder / "tokenizer_config.json") << json{{"eos_token", "</s>"}};
  std::ofstream text(folder / "text.jsonl");
  for (int line = 0; line < 200; ++line) {
    std::string words;
    for (int i = 0; i < 60; ++i)
      words += static_cast<char>(i % 7 == 6 ? ' ' : 'a' + (line * 5 + i * (line % 3 + 1)) % 26);
    text << json{{"text", words}} << '\n';
  }
}

json tiny_model(const std::filesystem::path& folder, int width) {
  return {{"architecture", "llama"},
          {"tokenizer", folder.string()},
          {"config",
           {{"vocab_size", 28},
            {"hidden_size", width},
            {"intermediate_size", 2 * width},
            {"num_hidden_layers", 2},
            {"num_attention_heads", 4},
            {"num_key_value_heads", 2},
            {"max_position_embeddings", 64},
            {"initializer_range", 0.2}}}};
}

TEST(CudaDistillation, AStrictRunLearnsAndRepeatsBitForBit) {
  const test::TempFolder folder;
  write_inputs(folder.path());
  for (const char* type : {"cpu", "cuda"}) {
    if (std::string(type) == "cuda" && !has_gpu()) GTEST_SKIP() << "no usable GPU on this machine";
    const json config = {
        {"seed", 3},
        {"device", {{"type", type}, {"deterministic", "strict"}, {"threads", 1}}},
        {"dataset", {{"name", "text"}, {"files", {(folder.path() / "text.jsonl").string()}}, {"held_out", 0.1}}},
        {"model", tiny_model(folder.path(), 32)},
        {"method", nullptr},
        {"experiment",
         {{"name", "distillation"},
          {"teacher", tiny_model(folder.path(), 64)},
          {"seq_len", 64},
          {"batch_size", 8},
          {"gradient_accumulation", 2},
          {"tokens", 40 * 16 * 64},
          {"learning_rate", 3e-3},
          {"ce_weight", 0.1},
          {"save_to", "none"}}}};
    const auto first = test::run_here(config), second = test::run_here(config);
    ASSERT_EQ(first.result.state, results::RunState::kDone) << type << ": " << first.result.message;
    EXPECT_EQ(results::content_hash(first.data), results::content_hash(second.data)) << type;
    double start = 0, end = 0;
    for (const auto& metric : first.data.metrics) {
      if (metric.name == "start_kl") start = metric.value;
      if (metric.name == "kl") end = metric.value;
    }
    EXPECT_LT(end, 0.8 * start) << type;
  }
}

}  // namespace
}  // namespace frugal
