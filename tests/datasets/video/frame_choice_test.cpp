#include "datasets/video/frame_choice.h"

#include <gtest/gtest.h>

#include "tests/support/expect_error.h"

namespace frugal::video {
namespace {

Properties constant(std::int64_t frames, Rational rate) {
  return {.path = "clip.mp4",
          .frames = frames,
          .average_rate = rate,
          .duration_s = static_cast<double>(frames) / rate.value()};
}

std::vector<double> times_of(const Properties& p) {
  std::vector<double> times;
  times.reserve(static_cast<std::size_t>(p.frames));
  for (std::int64_t i = 0; i < p.frames; ++i)
    times.push_back(p.start_s + static_cast<double>(i) / p.average_rate.value());
  return times;
}

std::vector<std::int64_t> choose(std::string_view text, const Properties& p) {
  return chosen_frames(parse_frame_choice(text), p, times_of(p));
}

TEST(FrameChoice, AllAndUniform) {
  const auto clip = constant(5, {25, 1});
  EXPECT_EQ(choose("all", clip), (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(choose("uniform:1", clip), (std::vector<std::int64_t>{0}));
  EXPECT_EQ(choose("uniform:3", clip), (std::vector<std::int64_t>{0, 2, 4}));
  EXPECT_EQ(choose("uniform:7", clip), (std::vector<std::int64_t>{0, 0, 1, 2, 2, 3, 4}));
}

TEST(FrameChoice, ByTimeAndByCountingDifferWhereTheRateIsNotWhole) {
  const auto clip = constant(3000, {30000, 1001});  // 100.1 s
  const auto by_time = choose("fps:1", clip), by_index = choose("index_fps:1", clip);
  EXPECT_EQ(by_time.size(), 101U);
  EXPECT_EQ(by_index.size(), 100U);
  EXPECT_EQ(by_time[50], 1498);  // 50 s * 29.97
  EXPECT_EQ(by_index[50], 1500);
}

TEST(FrameChoice, CountsFromTheFirstFrameOnNotFromZero) {
  auto clip = constant(50, {25, 1});
  clip.start_s = 7.3;
  EXPECT_EQ(choose("fps:1", clip), (std::vector<std::int64_t>{0, 25}));
  EXPECT_EQ(choose("fps:1000", constant(2, {25, 1})).size(), 80U);  // frames repeat
}

// Python rounds half to even: round(2.5) is 2, round(3.5) is 4.
TEST(FrameChoice, RoundsTheRateAsPython) {
  EXPECT_EQ(choose("index_fps:1", constant(8, {5, 2})), (std::vector<std::int64_t>{0, 2, 4, 6}));
  EXPECT_EQ(choose("index_fps:1", constant(8, {7, 2})), (std::vector<std::int64_t>{0, 4}));
}

TEST(FrameChoice, Refusals) {
  for (const char* text : {"", "some", "uniform", "uniform:", "uniform:0", "uniform:-3", "uniform:2.5", "uniform:1e9",
                           "fps:inf", "fps:nan", "fps:0", "fps:1 ", "all:1", "index_fps:x"})
    EXPECT_ERROR_AT(parse_frame_choice(text), ErrorKind::kUsage, "bad_frame_choice", text);
  EXPECT_ERROR_AT(choose("index_fps:31", constant(50, {30, 1})), ErrorKind::kUsage, "bad_frame_choice", "clip.mp4");
  auto unknown = constant(50, {25, 1});
  const auto times = times_of(unknown);
  unknown.average_rate = {0, 1};
  EXPECT_ERROR(chosen_frames(parse_frame_choice("index_fps:1"), unknown, times), ErrorKind::kUsage, "bad_frame_choice");
}

}  // namespace
}  // namespace frugal::video
