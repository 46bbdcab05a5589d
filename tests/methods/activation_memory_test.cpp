// What a forward pass leaves for its backward, in bytes, by the counting allocator.
#include <gtest/gtest.h>

#include "methods/common/peft.h"
#include "methods/meft/reversible_encoder.h"
#include "models/nn/memory.h"
#include "tests/models/tiny_bert.h"

namespace frugal {
namespace {

// The allocator must be in place before the first tensor.
const bool kInstalled = [] {
  memory::install_cpu_accounting();
  return true;
}();

constexpr int64_t kLength = 48, kHidden = 64;
constexpr int64_t kStreamBytes = 2 * kLength * kHidden * 4;  // [2,S,d] fp32

struct Bytes {
  int64_t saved = 0;  // alive after the forward pass
  int64_t peak = 0;   // of forward and backward, above the start
};

Bytes measure(TextEncoder& model) {
  const TextInputs inputs = testing::tiny_inputs(kLength);
  std::vector<at::Tensor> parameters;
  for (const auto& p : model.parameters().trainable()) parameters.push_back(p.value);
  const int64_t before = memory::allocated_bytes(at::kCPU);
  memory::reset_peak(at::kCPU);
  Bytes bytes;
  at::Tensor loss = model.forward(inputs, Pass::train(5, 3, 0)).logits.sum();
  bytes.saved = memory::allocated_bytes(at::kCPU) - before;
  torch::autograd::grad({loss}, parameters);
  bytes.peak = memory::peak_bytes(at::kCPU) - before;
  return bytes;
}

testing::TinySpec deep(int64_t layers) {
  return {.layers = layers, .hidden = kHidden};
}

Bytes of_peft(int64_t layers, const std::string& kind, bool checkpointing) {
  PeftOptions options;
  options.kind = kind;
  options.checkpointing = checkpointing;
  return measure(*PeftMethod(options).apply(testing::tiny_bert(deep(layers), at::kFloat), {.init_seed = 1}));
}

Bytes of_meft(int64_t layers, const char* variant, const char* exactness = "none") {
  meft::MeftOptions options;
  options.variant = variant;
  options.exactness = exactness;
  options.anchor_every = 2;
  meft::ReversibleEncoder model(testing::tiny_bert(deep(layers), at::kFloat), options, 1);
  return measure(model);
}

TEST(ActivationMemory, CountsLiveTensorsAndTheirPeak) {
  ASSERT_TRUE(kInstalled && memory::cpu_accounting_installed());
  const int64_t before = memory::allocated_bytes(at::kCPU);
  memory::reset_peak(at::kCPU);
  {
    const at::Tensor a = at::empty({1000});
    EXPECT_EQ(memory::allocated_bytes(at::kCPU) - before, 4000);
    const at::Tensor b = a.view({10, 100});
    EXPECT_EQ(memory::allocated_bytes(at::kCPU) - before, 4000) << "a view has no bytes of its own";
  }
  EXPECT_EQ(memory::allocated_bytes(at::kCPU), before);
  EXPECT_EQ(memory::peak_bytes(at::kCPU) - before, 4000);
}

// MEFT keeps the last two streams whatever the depth (spec 2.5, 7(a).9).
TEST(ActivationMemory, MeftIsIndependentOfDepth) {
  for (const char* variant : {"meft1", "meft2", "meft3"}) {
    const Bytes shallow = of_meft(2, variant), far = of_meft(10, variant);
    EXPECT_EQ(far.saved, shallow.saved) << variant;
    EXPECT_GE(far.saved, 2 * kStreamBytes);
    // Beside the gradients of ten layers' adapters instead of two.
    const int64_t adapters = 8 * 2 * (2 * kHidden * 8 + 8 + kHidden) * 4;
    EXPECT_LE(far.peak, shallow.peak + adapters + adapters / 4) << variant;
  }
}

TEST(ActivationMemory, AnchorsCostTwoStreamsEach) {
  EXPECT_EQ(of_meft(6, "meft1", "anchors").saved - of_meft(2, "meft1", "anchors").saved, 2 * 2 * kStreamBytes);
}

// A remainder in [0, 10) takes a byte, half of that packed: an eighth of a stream's fp32 (spec 2.6).
TEST(ActivationMemory, FixedPointCostsAnEighthOfAStreamALayer) {
  const int64_t a_layer = (of_meft(10, "meft1", "fixed_point").saved - of_meft(2, "meft1", "fixed_point").saved) / 8;
  EXPECT_LE(a_layer, kStreamBytes / 8 + 64);
  EXPECT_GE(a_layer, kStreamBytes / 8 / 2);
}

TEST(ActivationMemory, LoraGrowsWithDepthAndCheckpointingByOneStreamALayer) {
  const int64_t two = of_peft(2, "lora", false).saved, six = of_peft(6, "lora", false).saved,
                ten = of_peft(10, "lora", false).saved;
  EXPECT_EQ(ten - six, six - two);
  EXPECT_GT((ten - six) / 4, 10 * kStreamBytes) << "a frozen layer saves more than ten streams";
  EXPECT_EQ(of_peft(10, "lora", true).saved - of_peft(2, "lora", true).saved, 8 * kStreamBytes);
  EXPECT_LT(of_meft(10, "meft1").peak, of_peft(10, "lora", false).peak / 3);
  EXPECT_LT(of_meft(20, "meft1").peak, of_peft(20, "lora", true).peak);
}

}  // namespace
}  // namespace frugal
