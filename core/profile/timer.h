// How one call is timed. Injected, so that tests measure a scripted clock and devices bring events of their own.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace frugal::profile {

using Work = std::function<void()>;

class Timer {
 public:
  virtual ~Timer() = default;
  virtual std::string_view name() const = 0;  // stored with the result: "steady_clock", "cuda_events"
  // Nanoseconds of a clock that never goes back; for the rule's limits.
  virtual std::int64_t now_ns() = 0;
  // Runs `work` once to its end, on the device as well, and gives its nanoseconds.
  virtual std::int64_t time_ns(const Work& work) = 0;
};

// std::chrono::steady_clock around the call and `synchronize`, which waits for a device to end what it was given.
class SteadyTimer final : public Timer {
 public:
  explicit SteadyTimer(Work synchronize = {}) : synchronize_(std::move(synchronize)) {}
  std::string_view name() const override { return "steady_clock"; }
  std::int64_t now_ns() override;
  std::int64_t time_ns(const Work& work) override;

 private:
  Work synchronize_;
};

}  // namespace frugal::profile
