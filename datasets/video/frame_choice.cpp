#include "datasets/video/frame_choice.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/error.h"

namespace frugal::video {
namespace {

[[noreturn]] void refuse(std::string why, std::string where) {
  throw Error(ErrorKind::kUsage, "bad_frame_choice", std::move(why), std::move(where),
              "all, uniform:N, fps:F or index_fps:F");
}

std::vector<std::int64_t> every(std::int64_t frames, std::int64_t step) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < frames; i += step) indices.push_back(i);
  return indices;
}

std::vector<std::int64_t> uniform(std::int64_t frames, std::int64_t count) {
  const double step = count > 1 ? static_cast<double>(frames - 1) / static_cast<double>(count - 1) : 0;
  std::vector<std::int64_t> indices;
  indices.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i)
    indices.push_back(static_cast<std::int64_t>(std::floor(static_cast<double>(i) * step)));
  if (count > 1) indices.back() = frames - 1;  // as numpy does, whatever the rounding
  return indices;
}

std::vector<std::int64_t> at_rate(const std::vector<double>& times, double end, double rate) {
  constexpr double kSameInstant = 1e-6;  // seconds; times are sums of ticks and come rounded
  std::vector<std::int64_t> indices;
  for (std::int64_t k = 0;; ++k) {
    const double instant = times.front() + static_cast<double>(k) / rate;
    if (instant >= end - kSameInstant) return indices;
    const auto after = std::upper_bound(times.begin(), times.end(), instant + kSameInstant);
    indices.push_back(after - times.begin() - 1);
  }
}

}  // namespace

FrameChoice parse_frame_choice(std::string_view text) {
  if (text == "all") return {};
  const auto colon = text.find(':');
  if (colon == text.npos) refuse("expected all, or a rule and a number", std::string(text));
  const std::string_view rule = text.substr(0, colon), rest = text.substr(colon + 1);
  FrameChoice choice;
  if (rule == "uniform")
    choice.kind = FrameChoice::Kind::kUniform;
  else if (rule == "fps")
    choice.kind = FrameChoice::Kind::kRate;
  else if (rule == "index_fps")
    choice.kind = FrameChoice::Kind::kIndexRate;
  else
    refuse(cat("there is no rule '", rule, "'"), std::string(text));
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), choice.number);
  if (error != std::errc() || end != rest.data() + rest.size() || !(choice.number > 0) || !(choice.number <= 1e6))
    refuse(cat("expected a number above 0 and at most 1000000, found '", rest, "'"), std::string(text));
  if (choice.kind == FrameChoice::Kind::kUniform && choice.number != std::floor(choice.number))
    refuse(cat("expected a whole number of frames, found '", rest, "'"), std::string(text));
  return choice;
}

std::vector<std::int64_t> chosen_frames(const FrameChoice& choice, const Properties& properties,
                                        const std::vector<double>& times) {
  const auto frames = static_cast<std::int64_t>(times.size());
  switch (choice.kind) {
    case FrameChoice::Kind::kAll:
      return every(frames, 1);
    case FrameChoice::Kind::kUniform:
      return uniform(frames, static_cast<std::int64_t>(choice.number));
    case FrameChoice::Kind::kRate:
      return at_rate(times, properties.start_s + properties.duration_s, choice.number);
    case FrameChoice::Kind::kIndexRate:
      break;
  }
  const double rate = std::nearbyint(properties.average_rate.value());  // half to even, as Python rounds
  if (!(rate > 0)) refuse("the file states no average rate to count by", properties.path.string());
  const auto step = static_cast<std::int64_t>(rate / choice.number);
  if (step == 0) refuse(cat(choice.number, " frames a second of a file that has ", rate), properties.path.string());
  return every(frames, step);
}

}  // namespace frugal::video
