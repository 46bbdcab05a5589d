// Keyed dropout: the mask is a function of the key and the element, nothing else.
#include "models/nn/dropout.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "models/nn/pass.h"
#include "tests/support/expect_error.h"

namespace frugal {
namespace {

constexpr int64_t kMany = 1 << 20;

at::Tensor kept(double p, uint64_t key, int64_t n = kMany) {
  return keyed_dropout(at::ones({n}), p, key) != 0;
}

TEST(KeyedDropout, IsAFunctionOfTheKey) {
  const at::Tensor mask = kept(0.3, 42);
  at::rand({1000});  // the generator's state does not matter
  EXPECT_TRUE(kept(0.3, 42).equal(mask));
  EXPECT_FALSE(kept(0.3, 43).equal(mask));
  EXPECT_FALSE(kept(0.3, 42ULL << 32).equal(mask)) << "both halves of the key count";
  EXPECT_TRUE(kept(0.3, 42, 1000).equal(mask.slice(0, 0, 1000))) << "elements do not depend on their number";
}

TEST(KeyedDropout, IsTheSameOnAnyNumberOfThreads) {
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor mask = kept(0.3, 7);
  at::set_num_threads(2);
  EXPECT_TRUE(kept(0.3, 7).equal(mask));
  at::set_num_threads(before);
}

TEST(KeyedDropout, DropsTheAskedShareAndScalesTheRest) {
  for (const double p : {0.001, 0.1, 0.5, 0.9})
    for (const uint64_t key : {0ULL, 1ULL, 0xdeadbeefcafef00dULL}) {
      const at::Tensor y = keyed_dropout(at::full({kMany}, 3.0, at::kDouble), p, key);
      const double dropped = (y == 0).sum().item<double>(), n = static_cast<double>(kMany);
      EXPECT_LT(std::abs(dropped - n * p), 3 * std::sqrt(n * p * (1 - p))) << p << " " << key;
      EXPECT_TRUE(
          y.index({y != 0}).equal(at::full({kMany - static_cast<int64_t>(dropped)}, 3.0 * (1 / (1 - p)), at::kDouble)));
    }
}

// Masks of two keys overlap as independent ones do, neighbours included.
TEST(KeyedDropout, MasksOfDifferentKeysAreIndependent) {
  const double p = 0.25, n = static_cast<double>(kMany), share = p * p;
  const auto overlap = [&](uint64_t a, uint64_t b) { return (~kept(p, a) & ~kept(p, b)).sum().item<double>(); };
  for (const auto& [a, b] : {std::pair<uint64_t, uint64_t>{1, 2}, {0, 1ULL << 32}, {5, 5ULL << 32}, {8, 9}})
    EXPECT_LT(std::abs(overlap(a, b) - n * share), 4 * std::sqrt(n * share * (1 - share))) << a << " " << b;
  const at::Tensor drop = ~kept(p, 3);
  const double neighbours = (drop.slice(0, 1) & drop.slice(0, 0, -1)).sum().item<double>();
  EXPECT_LT(std::abs(neighbours - n * share), 4 * std::sqrt(n * share * (1 - share)));
}

TEST(KeyedDropout, EverySiteLayerStepAndMicroBatchHasItsOwnKey) {
  std::set<uint64_t> keys;
  size_t made = 0;
  for (const uint64_t seed : {0, 1})
    for (const int64_t step : {0, 1, 2})
      for (const int64_t micro : {0, 1})
        for (const auto site : {DropoutSite::kEmbedding, DropoutSite::kAttention, DropoutSite::kAttentionOutput,
                                DropoutSite::kMlpOutput, DropoutSite::kAdapter, DropoutSite::kAttentionAdapter,
                                DropoutSite::kReversibleAdapter, DropoutSite::kLora, DropoutSite::kHead})
          for (const int64_t layer : {-1, 0, 1, 23})
            for (const uint64_t extra : {0, 1}) {
              keys.insert(Pass::train(seed, step, micro).site_key(site, layer, extra));
              ++made;
            }
  EXPECT_EQ(keys.size(), made);
  const auto key = [](int64_t step, double progress) {
    return Pass::train(1, step, 0, progress).site_key(DropoutSite::kHead, -1);
  };
  EXPECT_EQ(key(3, 0), key(3, 0.5)) << "progress is no part of the key";
}

TEST(KeyedDropout, ZeroIsTheIdentityAndOneIsRefused) {
  const at::Tensor x = at::randn({5, 7});
  EXPECT_TRUE(keyed_dropout(x, 0, 1).is_same(x));
  for (const double p : {1.0, -0.1, 1.5, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_ERROR(keyed_dropout(x, p, 1), ErrorKind::kUsage, "bad_value");
  EXPECT_EQ(keyed_dropout(at::empty({0, 4}), 0.5, 1).numel(), 0);
}

TEST(KeyedDropout, EveryTypeGetsTheSameMask) {
  const at::Tensor mask = kept(0.4, 11, 4096);
  for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf}) {
    const at::Tensor y = keyed_dropout(at::ones({4096}, type), 0.4, 11);
    EXPECT_EQ(y.scalar_type(), type);
    EXPECT_TRUE((y != 0).equal(mask)) << type;
  }
}

// The element's place in the logical order counts, not in memory.
TEST(KeyedDropout, StridesDoNotMatter) {
  const at::Tensor x = at::randn({31, 17}, at::kDouble);
  EXPECT_TRUE(keyed_dropout(x.t().contiguous().t(), 0.3, 5).equal(keyed_dropout(x, 0.3, 5)));
  EXPECT_TRUE(keyed_dropout(x.t(), 0.3, 5).equal(keyed_dropout(x.t().contiguous(), 0.3, 5)));
}

TEST(KeyedDropout, GradientIsTheSameMask) {
  for (const auto type : {at::kFloat, at::kDouble}) {
    const at::Tensor x = at::randn({64, 33}, type).set_requires_grad(true);
    const at::Tensor y = keyed_dropout(x, 0.3, 9);
    const at::Tensor upstream = at::randn({64, 33}, type);
    const at::Tensor gradient = torch::autograd::grad({y}, {x}, {upstream})[0];
    EXPECT_TRUE(gradient.equal(keyed_dropout(upstream, 0.3, 9)));
    EXPECT_TRUE((gradient != 0).equal(y.detach() != 0));
    // Of strided gradients as well: transposing afterwards is the same function.
    const at::Tensor of_transposed = torch::autograd::grad({keyed_dropout(x, 0.3, 9).t()}, {x}, {upstream.t()})[0];
    EXPECT_TRUE(of_transposed.equal(gradient));
  }
  EXPECT_FALSE(keyed_dropout(at::ones({4}), 0.3, 9).requires_grad());
}

}  // namespace
}  // namespace frugal
