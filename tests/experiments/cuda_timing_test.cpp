// Timing and state of a real GPU. Built wherever nvcc is; skips itself without a device.
#include <ATen/Context.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include "experiments/profile/device.h"
#include "models/nn/cuda_support.h"
#include "models/nn/memory.h"

namespace frugal {
namespace {

class CudaTiming : public testing::Test {
 protected:
  void SetUp() override {
    if (!at::hasCUDA() || cuda::device_count() == 0) GTEST_SKIP() << "no usable GPU on this machine";
    at::globalContext().lazyInitDevice(at::kCUDA);
    cuda::set_device(0);
  }
};

TEST_F(CudaTiming, EventsCoverTheWorkOfTheDevice) {
  const at::Tensor a = at::ones({4096, 4096}, at::TensorOptions(at::kFloat).device(at::kCUDA));
  at::Tensor product;
  const auto work = [&] { product = at::matmul(a, a); };
  const auto timer = make_timer(at::kCUDA);
  EXPECT_EQ(timer->name(), "cuda_events");
  timer->time_ns(work);
  profile::SteadyTimer steady([] { cuda::synchronize(); });
  const std::int64_t by_events = timer->time_ns(work), by_clock = steady.time_ns(work);
  // 137 GFLOP take more than 0.1 ms on any device; a timer that does not wait for the device says microseconds.
  EXPECT_GT(by_events, 100'000);
  EXPECT_LT(by_events, 10 * by_clock);
  EXPECT_EQ(product[7][9].item<float>(), 4096);
}

TEST_F(CudaTiming, TheDriverKnowsTheDeviceByTheRuntimesName) {
  const run::GpuProbe probe(cuda::device_uuid());
  ASSERT_TRUE(probe.found()) << cuda::device_uuid();
  const profile::DeviceState state = make_monitor(at::kCUDA)->read();
  EXPECT_GT(state.clock_mhz.value_or(0), 0);
  EXPECT_LE(*state.clock_mhz, *state.max_clock_mhz);
}

TEST_F(CudaTiming, ThePeakMeterSeesTheCachingAllocator) {
  const at::Device device(at::kCUDA, 0);
  const at::Tensor before = at::ones({1 << 20}, at::TensorOptions(at::kByte).device(device));
  const memory::PeakMeter meter(device);
  {
    const at::Tensor inside = at::ones({4 << 20}, at::TensorOptions(at::kByte).device(device));
  }
  EXPECT_EQ(meter.activations(), 4 << 20);
  EXPECT_GE(cuda::peak_reserved_bytes(), meter.peak());
}

}  // namespace
}  // namespace frugal
