#include "experiments/profile/device.h"

#include "models/nn/cuda_support.h"

namespace frugal {
namespace {

class CudaEventTimer final : public profile::Timer {
 public:
  std::string_view name() const override { return "cuda_events"; }
  std::int64_t now_ns() override { return clock_.now_ns(); }
  std::int64_t time_ns(const profile::Work& work) override { return cuda::time_with_events_ns(work); }

 private:
  profile::SteadyTimer clock_;
};

}  // namespace

std::unique_ptr<profile::Timer> make_timer(const at::Device& device) {
  if (device.is_cuda()) return std::make_unique<CudaEventTimer>();
  return std::make_unique<profile::SteadyTimer>();
}

std::unique_ptr<profile::DeviceMonitor> make_monitor(const at::Device& device) {
  if (device.is_cuda()) return std::make_unique<profile::GpuMonitor>(cuda::device_uuid());
  return std::make_unique<profile::CpuMonitor>();
}

}  // namespace frugal
