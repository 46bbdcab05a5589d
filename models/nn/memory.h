// Bytes held by tensors, on the CPU by an allocator of ours that counts, on CUDA by LibTorch's own.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace frugal::memory {

// Puts the counting allocator in front of LibTorch's. Call once, before the first tensor is made.
void install_cpu_accounting();
bool cpu_accounting_installed();

int64_t allocated_bytes(const at::Device& device);  // in live tensors, now
int64_t peak_bytes(const at::Device& device);       // highest since the last reset
void reset_peak(const at::Device& device);

// What a piece of work holds beyond what was there before it: the definition of activation memory everywhere here.
// Made when weights, gradients, optimiser state and inputs exist, and asked when the work is done.
class PeakMeter {
 public:
  explicit PeakMeter(const at::Device& device) : device_(device), before_(allocated_bytes(device)) {
    reset_peak(device);
  }
  int64_t peak() const { return peak_bytes(device_); }      // of all tensors
  int64_t activations() const { return peak() - before_; }  // of those that the work made

 private:
  at::Device device_;
  int64_t before_;
};

}  // namespace frugal::memory
