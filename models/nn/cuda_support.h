// What needs CUDA headers or kernels, behind plain functions. cuda_support_cuda.cpp goes into the CUDA worker,
// cuda_support_none.cpp into the CPU worker, where each call throws Error(kEnvironment, "no_cuda").
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "models/nn/kernels/divergence_rows.h"
#include "models/nn/kernels/split_decode.h"

namespace frugal::cuda {

bool built();        // this worker was linked with LibTorch's CUDA library
int device_count();  // usable GPUs; 0 without a driver
// The device that everything below is about, and that new tensors on "cuda" get.
void set_device(int index);
void keyed_dropout(const at::Tensor& x, at::Tensor& y, uint32_t threshold, double scale, uint64_t key);
// models/nn/kernels/split_decode.h, on the current stream.
DeviceLimits device_limits();
void split_decode(const SplitDecode& call, const SplitDecodePlan& plan);
// models/nn/kernels/divergence_rows.h, on the current stream.
void divergence_rows(const DivergenceRows& call);
void synchronize();

// Of the caching allocator, bytes in live tensors: now, and the highest since the last reset.
int64_t allocated_bytes();
int64_t peak_allocated_bytes();
void reset_peak();
int64_t peak_reserved_bytes();  // what the allocator took from the device, highest since the last reset
// Nanoseconds between two events of the current stream around `work`. The device is idle before and after, so launches
// that the host is late with count, as they do for whoever waits for the result. Resolution about 500 ns.
int64_t time_with_events_ns(const std::function<void()>& work);
// Device work recorded once and launched again as a whole, on the memory that it was recorded with.
class Graph {
 public:
  Graph() = default;
  virtual ~Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;
  virtual void replay() = 0;  // asynchronous, on the current stream
};
// Records `work`, which runs on the host once and not on the device; it must not wait for the device. Run it plainly
// before, so that libraries have initialised themselves.
std::unique_ptr<Graph> capture_graph(const std::function<void()>& work);

std::string device_uuid();  // as NVML names it: "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
std::string device_line();  // e.g. "NVIDIA H100 80GB HBM3, 132 SMs, 79.1 GiB, driver 13.0, runtime 13.0"

}  // namespace frugal::cuda
