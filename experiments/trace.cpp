#include "experiments/trace.h"

#include <torch/csrc/autograd/profiler_kineto.h>

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "models/nn/cuda_support.h"

namespace frugal {
namespace {

namespace kineto = torch::autograd::profiler;
using torch::profiler::impl::ActivityType;

struct Span {
  uint64_t begin, end;
};

uint64_t covered_ns(std::vector<Span> spans) {
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) { return a.begin < b.begin; });
  uint64_t covered = 0, reached = 0;
  for (const Span& span : spans) {
    if (span.end <= reached) continue;
    covered += span.end - std::max(span.begin, reached);
    reached = span.end;
  }
  return covered;
}

TraceCounts count(const std::vector<kineto::KinetoEvent>& events, int64_t calls) {
  TraceCounts counts{.calls = calls};
  std::vector<Span> on_device;
  for (const auto& event : events) {
    if (event.deviceType() == c10::DeviceType::CUDA)
      on_device.push_back({event.startNs(), event.endNs()});
    else if (event.name().starts_with("aten::"))
      ++counts.operators;
  }
  const auto n = static_cast<double>(calls);
  counts.operators /= n;
  counts.kernels = static_cast<double>(on_device.size()) / n;
  counts.device_ms = static_cast<double>(covered_ns(std::move(on_device))) * 1e-6 / n;
  return counts;
}

}  // namespace

TraceCounts trace_calls(const std::function<void()>& call, int64_t calls, const at::Device& device,
                        const std::filesystem::path& file) {
  std::set<ActivityType> activities = {ActivityType::CPU};
  if (device.is_cuda()) activities.insert(ActivityType::CUDA);
  const torch::profiler::impl::ProfilerConfig config(torch::profiler::impl::ProfilerState::KINETO);
  const auto settle = [&] {
    if (device.is_cuda()) cuda::synchronize();
  };
  settle();
  kineto::prepareProfiler(config, activities);
  kineto::enableProfiler(config, activities, {at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION});
  for (int64_t i = 0; i < calls; ++i) call();
  settle();
  const auto result = kineto::disableProfiler();
  std::error_code failed;
  std::filesystem::create_directories(file.parent_path(), failed);
  result->save(file.string());
  if (!std::filesystem::exists(file))
    throw Error(ErrorKind::kEnvironment, "cannot_write", "the profiler wrote no trace", file.string(),
                "is the disk full, or the folder not writable?");
  return count(result->events(), calls);
}

}  // namespace frugal
