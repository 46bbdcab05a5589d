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

}  // namespace frugal::memory
