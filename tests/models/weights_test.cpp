#include "models/nn/weights.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

namespace frugal {
namespace {

constexpr int64_t kLarge = (int64_t{1} << 23) + 5;  // two whole blocks and a part of one

at::Tensor draw(int threads) {
  const int before = at::get_num_threads();
  at::set_num_threads(threads);
  at::Tensor values = new_parameter("layer.weight", {kLarge}, Init::kNormal, 0.5, 7);
  at::set_num_threads(before);
  return values;
}

TEST(NewParameters, OfALargeTensorDoNotDependOnThreads) {
  EXPECT_TRUE(at::equal(draw(1), draw(2)));
}

TEST(NewParameters, OfALargeTensorAreNormalInEveryBlockAndDifferBetweenThem) {
  const at::Tensor values = draw(2);
  const at::Tensor first = values.narrow(0, 0, kLarge / 2), second = values.narrow(0, kLarge / 2, kLarge / 2);
  for (const at::Tensor& half : {first, second}) {
    EXPECT_NEAR(half.mean().item<double>(), 0, 1e-3);
    EXPECT_NEAR(half.std().item<double>(), 0.5, 1e-3);
  }
  const double correlation = (first * second).mean().item<double>() / 0.25;
  EXPECT_NEAR(correlation, 0, 3e-3);
}

TEST(NewParameters, DependOnSeedAndName) {
  const auto of = [](const char* name, uint64_t seed) { return new_parameter(name, {64}, Init::kNormal, 1, seed); };
  EXPECT_TRUE(at::equal(of("a", 1), of("a", 1)));
  EXPECT_FALSE(at::equal(of("a", 1), of("b", 1)));
  EXPECT_FALSE(at::equal(of("a", 1), of("a", 2)));
}

}  // namespace
}  // namespace frugal
