// Llama 3's scaling of rotary frequencies, recovered from the divisors that llama.cpp's converter writes.
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/io/gguf_config.h"
#include "core/io/gguf_dequantize.h"

namespace frugal::io::detail {

namespace {

// Every published Llama 3.x has these; the file holds only what follows from them.
constexpr double kLowFactor = 1.0, kHighFactor = 4.0, kOriginalLength = 8192.0, kTolerance = 1e-4;

// Divisor of a frequency: 1 where the wave is short, `factor` where it is long, smooth in between.
double divisor(double frequency, double factor) {
  const double turns = kOriginalLength * frequency / (2 * std::numbers::pi);  // in the original context
  if (turns > kHighFactor) return 1.0;
  if (turns < kLowFactor) return factor;
  const double smooth = (turns - kLowFactor) / (kHighFactor - kLowFactor);
  return 1.0 / ((1.0 - smooth) / factor + smooth);
}

}  // namespace

nlohmann::json llama3_rope_scaling(const GgufFile& file, const GgufTensor& divisors, double rope_theta,
                                   std::int64_t head_dim) {
  const auto where = cat(file.path().string(), ": byte ", divisors.offset, ": tensor 'rope_freqs.weight'");
  const auto fail = [&](const std::string& message) {
    throw Error(ErrorKind::kBadData, "gguf_rope_freqs", message, where);
  };
  const auto pairs = head_dim / 2;
  if (divisors.elements() != pairs)
    fail(cat("expected ", pairs, " divisors for heads of ", head_dim, " dimensions, found ", divisors.elements()));
  std::vector<float> found(static_cast<std::size_t>(pairs));
  dequantize(divisors, found, where);
  const double factor = found.back();  // of the longest wave
  for (std::int64_t i = 0; i < pairs; ++i) {
    const double frequency = std::pow(rope_theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
    const double expected = divisor(frequency, factor), value = found[static_cast<std::size_t>(i)];
    if (!(std::abs(value - expected) <= kTolerance * expected))
      fail(cat("divisor ", i, " is ", value, "; Llama 3's scaling by ", factor, " over ", kOriginalLength,
               " positions gives ", expected));
  }
  return {{"rope_type", "llama3"},
          {"factor", factor},
          {"low_freq_factor", kLowFactor},
          {"high_freq_factor", kHighFactor},
          {"original_max_position_embeddings", static_cast<std::int64_t>(kOriginalLength)}};
}

}  // namespace frugal::io::detail
