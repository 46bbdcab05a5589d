#include "models/language/rotary.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/where.h>

#include <cmath>
#include <numbers>

#include "core/error.h"

namespace frugal {
namespace {

// theta^(2i/dim)
at::Tensor base_powers(double theta, int64_t dim) {
  return at::pow(theta, at::arange(0, dim, 2, at::kFloat) / static_cast<double>(dim));
}

// Llama 3.1: slow pairs turn `factor` times slower, fast ones as before, those between are blended.
at::Tensor llama3(const RopeConfig& c, const at::Tensor& plain) {
  const auto original = static_cast<double>(*c.original_max_position_embeddings);
  const double longest = original / c.low_freq_factor, shortest = original / c.high_freq_factor;
  const at::Tensor wavelength = 2 * std::numbers::pi / plain;
  const at::Tensor scaled = at::where(wavelength > longest, plain / c.factor, plain);
  const at::Tensor smooth = (original / wavelength - c.low_freq_factor) / (c.high_freq_factor - c.low_freq_factor);
  const at::Tensor blended = (1 - smooth) * scaled / c.factor + smooth * scaled;
  return at::where((wavelength >= shortest).logical_and(wavelength <= longest), blended, scaled);
}

// YaRN (Peng et al., 2023), section 3.2: the dimension that turns `turns` times over the original context.
double yarn_dimension(const RopeConfig& c, double turns, int64_t dim) {
  const auto original = static_cast<double>(*c.original_max_position_embeddings);
  return static_cast<double>(dim) * std::log(original / (turns * 2 * std::numbers::pi)) / (2 * std::log(c.rope_theta));
}

at::Tensor yarn(const RopeConfig& c, const at::Tensor& powers, int64_t dim) {
  double low = yarn_dimension(c, c.beta_fast, dim), high = yarn_dimension(c, c.beta_slow, dim);
  if (c.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(dim - 1));
  if (low == high) high += 0.001;
  const at::Tensor ramp = ((at::arange(dim / 2, at::kFloat) - low) / (high - low)).clamp(0, 1);
  const at::Tensor keep = 1 - ramp;
  return 1 / (c.factor * powers) * (1 - keep) + 1 / powers * keep;
}

double yarn_attention_factor(const RopeConfig& c) {
  if (c.attention_factor) return *c.attention_factor;
  const auto scale = [&](double mscale) { return c.factor <= 1 ? 1.0 : 0.1 * mscale * std::log(c.factor) + 1.0; };
  const bool both = c.mscale.value_or(0) != 0 && c.mscale_all_dim.value_or(0) != 0;
  return both ? scale(*c.mscale) / scale(*c.mscale_all_dim) : scale(1);
}

}  // namespace

Rotary::Rotary(const RopeConfig& config, int64_t dim, AngleType angles) : angles_(angles) {
  const at::Tensor powers = base_powers(config.rope_theta, dim);
  if (config.rope_type == "yarn") {
    inverse_frequencies_ = yarn(config, powers, dim);
    attention_factor_ = yarn_attention_factor(config);
  } else {
    inverse_frequencies_ = 1 / powers;
    if (config.rope_type == "linear") inverse_frequencies_ = inverse_frequencies_ / config.factor;
    if (config.rope_type == "llama3") inverse_frequencies_ = llama3(config, inverse_frequencies_);
  }
}

RotaryTable Rotary::table(const at::Tensor& positions, at::ScalarType type) const {
  if (!on_device_.defined() || on_device_.device() != positions.device())
    on_device_ = inverse_frequencies_.to(positions.device());
  const at::ScalarType width = angles_ == AngleType::kBFloat16 ? at::kBFloat16 : at::kFloat;
  const at::Tensor angles = (positions.to(width).unsqueeze(-1) * on_device_.to(width)).unsqueeze(2);
  return {(angles.cos() * attention_factor_).to(type), (angles.sin() * attention_factor_).to(type)};
}

at::Tensor rotate(const at::Tensor& x, const RotaryTable& table) {
  const std::vector<at::Tensor> half = x.chunk(2, -1);
  return at::cat({half[0] * table.cos - half[1] * table.sin, half[1] * table.cos + half[0] * table.sin}, -1);
}

at::Tensor rotate_interleaved(const at::Tensor& x, const RotaryTable& table) {
  const at::Tensor even = x.slice(-1, 0, std::nullopt, 2), odd = x.slice(-1, 1, std::nullopt, 2);
  return at::cat({even * table.cos - odd * table.sin, odd * table.cos + even * table.sin}, -1);
}

}  // namespace frugal
