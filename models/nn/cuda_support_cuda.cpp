#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>

#include "core/error.h"
#include "models/nn/cuda_support.h"
#include "models/nn/dropout_cuda.h"

namespace frugal::cuda {
namespace {

const auto& stats() {
  static thread_local c10::CachingDeviceAllocator::DeviceStats stats;
  stats = c10::cuda::CUDACachingAllocator::getDeviceStats(c10::cuda::current_device());
  return stats.allocated_bytes[static_cast<size_t>(c10::CachingDeviceAllocator::StatType::AGGREGATE)];
}

}  // namespace

bool built() {
  return true;
}

int device_count() {
  return c10::cuda::device_count();
}

void keyed_dropout(const at::Tensor& x, at::Tensor& y, uint32_t threshold, double scale, uint64_t key) {
  const auto type = x.scalar_type() == at::kFloat      ? ElementType::kFloat
                    : x.scalar_type() == at::kDouble   ? ElementType::kDouble
                    : x.scalar_type() == at::kBFloat16 ? ElementType::kBfloat16
                                                       : ElementType::kHalf;
  launch_keyed_dropout(x.const_data_ptr(), y.mutable_data_ptr(), x.numel(), type, threshold, scale, key,
                       c10::cuda::getCurrentCUDAStream().stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

void synchronize() {
  c10::cuda::device_synchronize();
}
int64_t allocated_bytes() {
  return stats().current;
}
int64_t peak_allocated_bytes() {
  return stats().peak;
}
void reset_peak() {
  c10::cuda::CUDACachingAllocator::resetPeakStats(c10::cuda::current_device());
}

std::string device_line() {
  cudaDeviceProp properties{};
  int driver = 0, runtime = 0;
  C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, c10::cuda::current_device()));
  C10_CUDA_CHECK(cudaDriverGetVersion(&driver));
  C10_CUDA_CHECK(cudaRuntimeGetVersion(&runtime));
  const auto version = [](int v) { return cat(v / 1000, ".", v % 1000 / 10); };
  return cat(properties.name, ", ", properties.multiProcessorCount, " SMs, ", properties.totalGlobalMem >> 20,
             " MiB, CUDA driver ", version(driver), ", runtime ", version(runtime));
}

}  // namespace frugal::cuda
