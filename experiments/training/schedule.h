// Learning-rate schedules, as transformers defines them. Links no LibTorch.
#pragma once

#include <cstdint>
#include <string_view>

namespace frugal {

enum class ScheduleKind { kConstant, kLinear, kCosine };
ScheduleKind schedule_named(std::string_view name);  // Error(kUsage, "bad_value")

struct Schedule {
  ScheduleKind kind = ScheduleKind::kLinear;
  int64_t warmup_steps = 0;
  int64_t total_steps = 1;
  // Factor of the base rate for the update after `step` updates are done: linear from 0 over the warm-up, then
  // constant, linear to 0, or half a cosine to 0.
  double factor(int64_t step) const;
};

// ceil(ratio * total), as transformers' Trainer rounds it.
int64_t warmup_steps(double ratio, int64_t total_steps);

}  // namespace frugal
