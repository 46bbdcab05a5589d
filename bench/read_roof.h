// The least that a kernel can do which reads memory: the roof of kernels that are bound by bandwidth.
#pragma once

#include <cstdint>

using cudaStream_t = struct CUstream_st*;

namespace frugal::bench {

// Reads `bytes` (a multiple of 16, at an address aligned to it) once and writes nothing in practice: `sink` gets a word
// if the words' exclusive or is a value that no data has. blocks of 512 threads. Returns a cudaError_t.
int launch_read(const void* data, int64_t bytes, uint32_t* sink, int blocks, cudaStream_t stream);

}  // namespace frugal::bench
