#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "core/error.h"
#include "models/nn/cuda_support.h"
#include "models/nn/dropout_cuda.h"
#include "models/nn/scalar_types.h"

namespace frugal::cuda {
namespace {

constexpr auto kAggregate = static_cast<size_t>(c10::CachingDeviceAllocator::StatType::AGGREGATE);

c10::CachingDeviceAllocator::DeviceStats stats() {
  return c10::cuda::CUDACachingAllocator::getDeviceStats(c10::cuda::current_device());
}

class Event {
 public:
  Event() { C10_CUDA_CHECK(cudaEventCreate(&event_)); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { C10_CUDA_IGNORE_ERROR(cudaEventDestroy(event_)); }
  void record(cudaStream_t stream) { C10_CUDA_CHECK(cudaEventRecord(event_, stream)); }
  void wait() { C10_CUDA_CHECK(cudaEventSynchronize(event_)); }
  float milliseconds_since(const Event& earlier) const {
    float milliseconds = 0;
    C10_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, earlier.event_, event_));
    return milliseconds;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

class CapturedGraph final : public Graph {
 public:
  explicit CapturedGraph(const std::function<void()>& work) {
    c10::cuda::device_synchronize();
    {
      const c10::cuda::CUDAStreamGuard guard(c10::cuda::getStreamFromPool());  // the default stream records nothing
      graph_.capture_begin();
      try {
        work();
      } catch (...) {
        try {
          graph_.capture_end();  // may fail as well; the first error is the one to tell
        } catch (...) {
        }
        throw;
      }
      graph_.capture_end();
    }
    c10::cuda::device_synchronize();
  }
  void replay() override { graph_.replay(); }

 private:
  at::cuda::CUDAGraph graph_;
};

}  // namespace

bool built() {
  return true;
}

int device_count() {
  return c10::cuda::device_count();
}

void set_device(int index) {
  c10::cuda::set_device(static_cast<c10::DeviceIndex>(index));
}

void keyed_dropout(const at::Tensor& x, at::Tensor& y, uint32_t threshold, double scale, uint64_t key) {
  launch_keyed_dropout(x.const_data_ptr(), y.mutable_data_ptr(), x.numel(), element_type(x.scalar_type()), threshold,
                       scale, key, c10::cuda::getCurrentCUDAStream().stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

DeviceLimits device_limits() {
  const int device = c10::cuda::current_device();
  DeviceLimits limits;
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&limits.multiprocessors, cudaDevAttrMultiProcessorCount, device));
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&limits.shared_bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
  return limits;
}

void split_decode(const SplitDecode& call, const SplitDecodePlan& plan) {
  C10_CUDA_CHECK(static_cast<cudaError_t>(launch_split_decode(call, plan, c10::cuda::getCurrentCUDAStream().stream())));
}

void divergence_rows(const DivergenceRows& call) {
  launch_divergence_rows(call, c10::cuda::getCurrentCUDAStream().stream());
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

void synchronize() {
  c10::cuda::device_synchronize();
}
int64_t allocated_bytes() {
  return stats().allocated_bytes[kAggregate].current;
}
int64_t peak_allocated_bytes() {
  return stats().allocated_bytes[kAggregate].peak;
}
int64_t peak_reserved_bytes() {
  return stats().reserved_bytes[kAggregate].peak;
}
void reset_peak() {
  c10::cuda::CUDACachingAllocator::resetPeakStats(c10::cuda::current_device());
}

int64_t time_with_events_ns(const std::function<void()>& work) {
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream().stream();
  Event begin, end;
  c10::cuda::device_synchronize();
  begin.record(stream);
  work();
  end.record(stream);
  end.wait();
  c10::cuda::device_synchronize();  // work on other streams ends before the next call, too
  return static_cast<int64_t>(static_cast<double>(end.milliseconds_since(begin)) * 1e6);
}

std::unique_ptr<Graph> capture_graph(const std::function<void()>& work) {
  return std::make_unique<CapturedGraph>(work);
}

std::string device_uuid() {
  cudaDeviceProp properties{};
  C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, c10::cuda::current_device()));
  std::string text = "GPU-";
  for (size_t i = 0; i < sizeof properties.uuid.bytes; ++i) {
    constexpr const char* kDigits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(properties.uuid.bytes[i]);
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
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
