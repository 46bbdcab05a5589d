// Marks functions that the CPU and CUDA share.
#pragma once

#ifdef __CUDACC__
#define FRUGAL_HOST_DEVICE __host__ __device__
#else
#define FRUGAL_HOST_DEVICE
#endif
