// The hash behind keyed dropout, compiled for the CPU and for CUDA alike.
#pragma once

#include <cstdint>

#include "models/nn/host_device.h"

namespace frugal {

// Two rounds of a 32-bit finaliser with full avalanche (Wellons' lowbias32), keyed before each. 32-bit arithmetic
// only, so that compilers vectorise it.
FRUGAL_HOST_DEVICE inline uint32_t keyed_hash(uint32_t index, uint32_t key_low, uint32_t key_high) {
  uint32_t x = index ^ key_low;
  x = (x ^ (x >> 16)) * 0x7feb352dU;
  x = (x ^ (x >> 15)) * 0x846ca68bU;
  x = (x ^ (x >> 16)) + key_high;
  x = (x ^ (x >> 16)) * 0x7feb352dU;
  x = (x ^ (x >> 15)) * 0x846ca68bU;
  return x ^ (x >> 16);
}

}  // namespace frugal
