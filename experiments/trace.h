// A trace of some calls, for ui.perfetto.dev or chrome://tracing, and what it counts.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <filesystem>
#include <functional>

namespace frugal {

struct TraceCounts {
  double operators = 0;  // LibTorch operators, nested ones included, a call
  double kernels = 0;    // kernels, copies and fills on the device, a call; 0 on a CPU
  double device_ms = 0;  // time with at least one of them running, a call; what no faster launch can take away
  int64_t calls = 0;
};

// Runs `call` so many times under LibTorch's profiler and writes `file` (JSON). Its clock costs time in every operator:
// look at the order and the gaps, take latencies from the measured samples.
// Error(kEnvironment, "cannot_write").
TraceCounts trace_calls(const std::function<void()>& call, int64_t calls, const at::Device& device,
                        const std::filesystem::path& file);

}  // namespace frugal
