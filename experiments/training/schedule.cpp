#include "experiments/training/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"

namespace frugal {

ScheduleKind schedule_named(std::string_view name) {
  if (name == "constant") return ScheduleKind::kConstant;
  if (name == "linear") return ScheduleKind::kLinear;
  if (name == "cosine") return ScheduleKind::kCosine;
  throw Error(ErrorKind::kUsage, "bad_value", cat("there is no schedule '", name, "'"), "experiment.schedule",
              "constant, linear or cosine");
}

double Schedule::factor(int64_t step) const {
  const auto s = static_cast<double>(step), warm = static_cast<double>(warmup_steps);
  if (step < warmup_steps) return s / std::max(1.0, warm);
  if (kind == ScheduleKind::kConstant) return 1;
  const double span = std::max(1.0, static_cast<double>(total_steps) - warm);
  if (kind == ScheduleKind::kLinear) return std::max(0.0, (static_cast<double>(total_steps) - s) / span);
  return std::max(0.0, 0.5 * (1 + std::cos(std::numbers::pi * (s - warm) / span)));
}

int64_t warmup_steps(double ratio, int64_t total_steps) {
  return static_cast<int64_t>(std::ceil(ratio * static_cast<double>(total_steps)));
}

}  // namespace frugal
