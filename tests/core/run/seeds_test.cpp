#include "core/run/seeds.h"
#include "core/philox.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace frugal::run {
namespace {

// The known answers that come with the authors' library (Random123, kat_vectors).
TEST(Philox, KnownAnswers) {
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Seeds, StreamsAreNamedAndStable) {
  const Seeds seeds(7);
  EXPECT_EQ(seeds.seed("init"), Seeds(7).seed("init"));
  EXPECT_NE(seeds.seed("init"), seeds.seed("data"));
  EXPECT_NE(seeds.seed("init"), Seeds(8).seed("init"));
  EXPECT_EQ(seeds.seed("init"), 0x201dea802dcfd505U)  // sha256("frugal-seed:7:init"), first 8 bytes
      << "a change here changes every published number";
  std::set<std::uint64_t> all;
  for (int i = 0; i < 10000; ++i) all.insert(seeds.seed("worker/" + std::to_string(i)));
  EXPECT_EQ(all.size(), 10000U);
}

TEST(Stream, SeekGivesTheSameNumbers) {
  Stream stream = Seeds(1).stream("data");
  std::vector<std::uint32_t> numbers(100);
  for (auto& number : numbers) number = stream();
  for (const std::uint64_t at : {0U, 1U, 3U, 4U, 50U, 97U}) {
    Stream other = Seeds(1).stream("data");
    other.seek(at);
    EXPECT_EQ(other(), numbers[at]);
    EXPECT_EQ(other.position(), at + 1);
  }
}

TEST(Stream, UniformAndBelowCoverTheirRange) {
  Stream stream = Seeds(1).stream("test");
  double sum = 0;
  std::vector<int> counts(6, 0);
  for (int i = 0; i < 60000; ++i) {
    const double value = stream.uniform();
    ASSERT_GE(value, 0);
    ASSERT_LT(value, 1);
    sum += value;
    ++counts.at(stream.below(6));
  }
  EXPECT_NEAR(sum / 60000, 0.5, 0.005);
  for (const int count : counts) EXPECT_NEAR(count, 10000, 400);
  EXPECT_EQ(stream.below(1), 0U);
}

}  // namespace
}  // namespace frugal::run
