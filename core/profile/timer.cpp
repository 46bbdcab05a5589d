#include "core/profile/timer.h"

#include <chrono>

namespace frugal::profile {

std::int64_t SteadyTimer::now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::int64_t SteadyTimer::time_ns(const Work& work) {
  if (synchronize_) synchronize_();
  const std::int64_t begin = now_ns();
  work();
  if (synchronize_) synchronize_();
  return now_ns() - begin;
}

}  // namespace frugal::profile
