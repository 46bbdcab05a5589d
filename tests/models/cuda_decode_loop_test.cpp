// Greedy decoding on a real GPU: a captured step against the same operations one by one, and against lengths on the
// host.
#include <ATen/Context.h>
#include <gtest/gtest.h>

#include <limits>

#include "models/language/decode.h"
#include "models/nn/cuda_support.h"
#include "tests/models/tiny_llama.h"
#include "tests/support/expect_error.h"

namespace frugal {
namespace {

using testing::largest_difference;
using testing::tiny_ids;
using testing::tiny_language_model;

class CudaDecodeLoop : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!at::hasCUDA() || cuda::device_count() == 0) GTEST_SKIP() << "no usable GPU on this machine";
    at::globalContext().lazyInitDevice(at::kCUDA);
    cuda::set_device(0);
    model = tiny_language_model("llama", {{"hidden_size", 64}, {"intermediate_size", 96}, {"initializer_range", 0.15}},
                                at::kBFloat16);
    model->parameters().to(at::Device(at::kCUDA, 0), at::kBFloat16);
  }

  // Prompts of 9, 4 and 1 tokens in a cache of `capacity`.
  std::unique_ptr<KvCache> prompts(int64_t capacity) const {
    auto cache = model->make_cache(3, capacity);
    model->hidden_states({.input_ids = tiny_ids(3, 9).to(at::kCUDA), .lengths = {9, 4, 1}}, cache.get(),
                         Pass::evaluation());
    return cache;
  }

  std::shared_ptr<Decoder> model;
  at::NoGradGuard no_grad;
};

at::Tensor first_tokens() {
  return at::tensor({3, 1, 4}, at::kLong).to(at::kCUDA);
}

TEST_F(CudaDecodeLoop, AGraphRepeatsTheSameStep) {
  const auto plain = prompts(60), captured = prompts(60);
  DecodeLoop eager(*model, *plain, StepLaunch::kEager), graph(*model, *captured, StepLaunch::kGraph);
  eager.start(first_tokens());
  graph.start(first_tokens());
  EXPECT_TRUE(graph.generate(40).equal(eager.generate(40)));
  EXPECT_TRUE(graph.captured());
  EXPECT_FALSE(eager.captured());
  EXPECT_EQ(captured->lengths(), (std::vector<int64_t>{49, 44, 41}));
  EXPECT_TRUE(graph.logits().equal(eager.logits()));
  // Again from the prompts, by the same graph.
  captured->truncate(0, 9);
  captured->truncate(1, 4);
  captured->truncate(2, 1);
  plain->set_lengths({9, 4, 1});
  graph.start(first_tokens());
  eager.start(first_tokens());
  EXPECT_TRUE(graph.generate(5).equal(eager.generate(5)));
}

TEST_F(CudaDecodeLoop, StepsEqualThoseWithLengthsOnTheHost) {
  const auto cache = prompts(40), other = prompts(40);
  for (int64_t layer = 0; layer < cache->layers(); ++layer)
    for (int64_t slot = 0; slot < cache->slots(layer); ++slot)
      for (int64_t row = 0; row < 3; ++row) {
        at::Tensor table = cache->table(layer, slot);  // what is not stored must not leak
        table[row]
            .narrow(0, cache->length(row), 40 - cache->length(row))
            .fill_(std::numeric_limits<double>::quiet_NaN());
      }
  DecodeLoop loop(*model, *cache);
  at::Tensor tokens = first_tokens().unsqueeze(1);
  loop.start(tokens.squeeze(1));
  for (int i = 0; i < 20; ++i) {
    loop.step();
    const at::Tensor logits =
        model->logits(model->hidden_states({.input_ids = tokens}, other.get(), Pass::evaluation()).select(1, 0));
    const double most = logits.abs().max().item<double>();
    EXPECT_LT(largest_difference(loop.logits(), logits), 0.03 * most) << "step " << i;
    tokens = loop.tokens().clone();
  }
  EXPECT_EQ(cache->lengths(), other->lengths());
}

TEST_F(CudaDecodeLoop, ErrorsComeBeforeTheDeviceIsAsked) {
  const auto cache = prompts(10);
  DecodeLoop loop(*model, *cache);
  loop.start(first_tokens());
  loop.step();
  EXPECT_ERROR(loop.step(), ErrorKind::kRunFailed, "cache_full");
  EXPECT_EQ(cache->lengths(), (std::vector<int64_t>{10, 5, 2}));
  // The kernel takes 16-bit types.
  const auto single = tiny_language_model("llama", {{"hidden_size", 64}}, at::kFloat);
  single->parameters().to(at::Device(at::kCUDA, 0), at::kFloat);
  const auto wide = single->make_cache(1, 8);
  EXPECT_ERROR(DecodeLoop(*single, *wide).step(), ErrorKind::kUsage, "unsupported_shape");
}

}  // namespace
}  // namespace frugal
