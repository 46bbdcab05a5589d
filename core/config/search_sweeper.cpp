#include "core/config/search_sweeper.h"

#include <algorithm>
#include <boost/random/sobol.hpp>
#include <cmath>
#include <numbers>
#include <tuple>

#include "core/config/errors.h"
#include "core/config/numbers.h"
#include "core/config/override.h"
#include "core/config/python.h"
#include "core/config/sweep_space.h"

namespace frugal::config {

namespace {

// TPE in Bergstra et al. 2011: random trials first, then the best fraction against the rest.
constexpr std::size_t kStartupTrials = 10;
constexpr std::size_t kCandidates = 24;
constexpr double kGoodFraction = 0.1;
constexpr std::size_t kMostGood = 25;

std::uint64_t mixed(std::uint64_t x) {
  // splitmix64
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31U);
}

// Random number of a place, not of a history: the same for the same seed, trial, axis and draw.
std::uint64_t random_bits(std::uint64_t seed, std::size_t trial, std::size_t axis, std::size_t draw = 0) {
  return mixed(mixed(mixed(mixed(seed) + trial) + axis) + draw);
}

double unit(std::uint64_t bits) {
  return static_cast<double>(bits >> 11U) * 0x1.0p-53;
}

std::vector<double> sobol_point(const SearchSpace& space, const SearchOptions& options, std::size_t trial) {
  const auto dimensions = space.axes.size();
  boost::random::sobol engine(dimensions);
  // The library leaves out the sequence's first point, the origin, without which 2^n points are not even.
  if (trial > 0) engine.seed(trial - 1);
  std::vector<double> point;
  for (std::size_t axis = 0; axis < dimensions; ++axis) {
    // A digital shift by the seed keeps the points' evenness and moves them off the corner.
    const std::uint64_t shift = random_bits(options.seed, 0, axis);
    point.push_back(unit((trial > 0 ? engine() : 0) ^ shift));
  }
  return point;
}

struct Observed {
  std::vector<double> good, bad;  // points of one axis
};

Observed observed_points(const SearchSpace& space, const SearchOptions& options, std::span<const Trial> trials,
                         std::size_t axis) {
  struct Finished {
    double objective;
    std::size_t trial;
    double point;
  };
  std::vector<Finished> finished;
  const auto prefix = space.axes[axis].key + "=";
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const auto& objective = trials[i].objective;
    if (!objective || !std::isfinite(*objective)) continue;
    for (const auto& text : trials[i].overrides)
      if (text.starts_with(prefix))
        finished.push_back(
            {options.minimize ? *objective : -*objective, i, space.axes[axis].point_of(text.substr(prefix.size()))});
  }
  std::sort(finished.begin(), finished.end(), [](const Finished& a, const Finished& b) {
    return std::tie(a.objective, a.trial) < std::tie(b.objective, b.trial);
  });
  const auto fraction = static_cast<std::size_t>(std::ceil(kGoodFraction * static_cast<double>(finished.size())));
  const auto good = std::min({fraction, kMostGood, finished.size()});
  Observed out;
  for (std::size_t i = 0; i < finished.size(); ++i) (i < good ? out.good : out.bad).push_back(finished[i].point);
  return out;
}

// A mixture of Gaussians around the points and one wide prior, on the unit interval.
class Parzen {
 public:
  explicit Parzen(std::vector<double> points) : centres_(std::move(points)) {
    centres_.push_back(0.5);
    const auto count = static_cast<double>(centres_.size());
    width_ = std::max(0.02, 0.5 * std::pow(count, -0.2) / std::sqrt(count));
  }

  double sample(std::uint64_t which, std::uint64_t where) const {
    const auto index = which % centres_.size();
    const double sigma = sigma_of(index);
    // Box-Muller with both uniforms from one number's halves.
    const double u = (static_cast<double>(where >> 32U) + 1) * 0x1.0p-32;
    const double v = static_cast<double>(where & 0xFFFFFFFFU) * 0x1.0p-32;
    const double x = centres_[index] + sigma * std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
    return std::clamp(x, 0.0, std::nextafter(1.0, 0.0));
  }

  double density(double x) const {
    double sum = 0;
    for (std::size_t i = 0; i < centres_.size(); ++i) {
      const double z = (x - centres_[i]) / sigma_of(i);
      sum += std::exp(-0.5 * z * z) / sigma_of(i);
    }
    return sum / static_cast<double>(centres_.size());
  }

 private:
  double sigma_of(std::size_t index) const { return index + 1 == centres_.size() ? 1.0 : width_; }

  std::vector<double> centres_;
  double width_;
};

double tpe_interval(const Observed& observed, std::uint64_t seed, std::size_t trial, std::size_t axis) {
  const Parzen good(observed.good);
  const Parzen bad(observed.bad);
  double best = 0;
  double best_ratio = -1;
  for (std::size_t i = 0; i < kCandidates; ++i) {
    const double x = good.sample(random_bits(seed, trial, axis, 2 * i), random_bits(seed, trial, axis, 2 * i + 1));
    const double ratio = good.density(x) / bad.density(x);
    if (ratio > best_ratio) {
      best_ratio = ratio;
      best = x;
    }
  }
  return best;
}

// Draws values by how often the good trials had them, and keeps the one that the bad trials had least.
double tpe_choice(const SearchAxis& axis, const Observed& observed, std::uint64_t seed, std::size_t trial,
                  std::size_t number) {
  const auto count = axis.values.size();
  const auto weights = [&](const std::vector<double>& points) {
    std::vector<double> out(count, 1.0);
    for (const double point : points)
      out[std::min(count - 1, static_cast<std::size_t>(point * static_cast<double>(count)))] += 1;
    const double total = static_cast<double>(points.size() + count);
    for (auto& weight : out) weight /= total;
    return out;
  };
  const auto good = weights(observed.good);
  const auto bad = weights(observed.bad);
  std::size_t best = 0;
  double best_ratio = -1;
  for (std::size_t i = 0; i < kCandidates; ++i) {
    double u = unit(random_bits(seed, trial, number, i));
    std::size_t value = 0;
    while (value + 1 < count && u >= good[value]) u -= good[value++];
    if (good[value] / bad[value] > best_ratio) {
      best_ratio = good[value] / bad[value];
      best = value;
    }
  }
  return (static_cast<double>(best) + 0.5) / static_cast<double>(count);
}

std::vector<double> tpe_point(const SearchSpace& space, const SearchOptions& options, std::span<const Trial> trials,
                              std::size_t trial) {
  std::vector<double> point;
  for (std::size_t axis = 0; axis < space.axes.size(); ++axis) {
    const auto observed = observed_points(space, options, trials, axis);
    point.push_back(space.axes[axis].is_interval() ? tpe_interval(observed, options.seed, trial, axis)
                                                   : tpe_choice(space.axes[axis], observed, options.seed, trial, axis));
  }
  return point;
}

std::vector<double> random_point(const SearchSpace& space, const SearchOptions& options, std::size_t trial) {
  std::vector<double> point;
  point.reserve(space.axes.size());
  for (std::size_t axis = 0; axis < space.axes.size(); ++axis)
    point.push_back(unit(random_bits(options.seed, trial, axis)));
  return point;
}

std::vector<double> point_of(const SearchSpace& space, const SearchOptions& options, std::span<const Trial> trials,
                             std::size_t trial) {
  if (options.method == SearchMethod::kSobol) return sobol_point(space, options, trial);
  const auto finished = static_cast<std::size_t>(
      std::count_if(trials.begin(), trials.end(), [](const Trial& t) { return t.objective.has_value(); }));
  if (options.method == SearchMethod::kTpe && finished >= kStartupTrials)
    return tpe_point(space, options, trials, trial);
  return random_point(space, options, trial);
}

SearchAxis interval_axis(const Override& item) {
  const auto& sweep = *item.value.sweep;
  SearchAxis axis{.key = item.key_element(),
                  .values = {},
                  .low = as_double(*sweep.start),
                  .high = as_double(*sweep.stop),
                  .integral = is_integral(*sweep.start) && is_integral(*sweep.stop),
                  .logarithmic = sweep.tags.contains("log")};
  if (!(axis.low < axis.high)) fail("unsupported_sweep", "the interval is empty", item.mark());
  if (axis.logarithmic && axis.low <= 0)
    fail("unsupported_sweep", "a logarithmic interval starts above zero", item.mark());
  return axis;
}

}  // namespace

std::string SearchAxis::at(double point) const {
  if (!is_interval()) {
    const auto count = values.size();
    return values[std::min(count - 1, static_cast<std::size_t>(point * static_cast<double>(count)))];
  }
  double value =
      logarithmic ? std::exp(std::log(low) + point * (std::log(high) - std::log(low))) : low + point * (high - low);
  if (integral) return std::to_string(static_cast<std::int64_t>(std::floor(value)));
  value = std::clamp(value, low, std::nextafter(high, low));
  return float_text(value);
}

double SearchAxis::point_of(const std::string& value) const {
  if (!is_interval()) {
    const auto found = std::find(values.begin(), values.end(), value);
    const auto index = found == values.end() ? 0 : static_cast<std::size_t>(found - values.begin());
    return (static_cast<double>(index) + 0.5) / static_cast<double>(values.size());
  }
  const double number = python::parse_float(value).value_or(low) + (integral ? 0.5 : 0.0);
  const double point = logarithmic ? (std::log(number) - std::log(low)) / (std::log(high) - std::log(low))
                                   : (number - low) / (high - low);
  return std::clamp(point, 0.0, std::nextafter(1.0, 0.0));
}

std::optional<SearchOptions> search_options(const Composition& composition) {
  const auto sweeper = select(composition.config, "hydra.sweeper");
  const auto target = sweeper && sweeper->is_dict() ? sweeper->find("_target_") : nullptr;
  if (!target || !target->is_string()) return std::nullopt;
  SearchOptions out;
  if (target->text == "sobol") {
    out.method = SearchMethod::kSobol;
  } else if (target->text == "tpe") {
    out.method = SearchMethod::kTpe;
  } else if (target->text != "random") {
    return std::nullopt;
  }
  const auto integer = [&](std::string_view key, std::int64_t least) {
    const auto value = sweeper->find(key);
    if (!value || value->kind != NodeKind::kInt || value->integer < least)
      fail("unsupported_sweep", cat("hydra.sweeper.", key, " is an integer of at least ", least),
           value ? value->mark : Mark{});
    return value->integer;
  };
  out.seed = static_cast<std::uint64_t>(integer("seed", 0));
  out.trials = static_cast<std::size_t>(integer("n_trials", 1));
  if (const auto metric = sweeper->find("metric"); metric && metric->is_string()) out.metric = metric->text;
  const auto direction = sweeper->find("direction");
  const auto word = direction && direction->is_string() ? direction->text : "";
  if (word != "minimize" && word != "maximize")
    fail("unsupported_sweep", "hydra.sweeper.direction is minimize or maximize", direction ? direction->mark : Mark{});
  out.minimize = word == "minimize";
  return out;
}

SearchSpace search_space(const ComposeRequest& request, const Composition& composition) {
  const auto sources = sweep_sources(request);
  SearchSpace space;
  for (const auto& item : parse_overrides(sweep_overrides(composition))) {
    if (item.value_kind == ValueKind::kInterval) {
      space.axes.push_back(interval_axis(item));
      continue;
    }
    auto values = sweep_values(item, sources);
    if (!item.is_sweep()) {
      space.fixed.push_back(values[0]);
      continue;
    }
    if (values.empty()) fail("unsupported_sweep", "the sweep has no values", item.mark());
    SearchAxis axis{.key = item.key_element(), .values = {}};
    for (const auto& value : values) axis.values.push_back(value.substr(axis.key.size() + 1));
    space.axes.push_back(std::move(axis));
  }
  return space;
}

std::vector<JobOverrides> next_jobs(const SearchSpace& space, const SearchOptions& options,
                                    std::span<const Trial> trials, std::size_t count) {
  std::vector<JobOverrides> jobs;
  if (space.axes.empty()) fail("unsupported_sweep", "nothing is swept");
  for (std::size_t trial = trials.size(); trial < options.trials && jobs.size() < count; ++trial) {
    const auto point = point_of(space, options, trials, trial);
    auto job = space.fixed;
    for (std::size_t axis = 0; axis < point.size(); ++axis)
      job.push_back(space.axes[axis].key + "=" + space.axes[axis].at(point[axis]));
    jobs.push_back(std::move(job));
  }
  return jobs;
}

}  // namespace frugal::config
