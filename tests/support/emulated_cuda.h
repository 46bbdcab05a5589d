// Runs a CUDA kernel of warps, tensor cores and asynchronous copies on the CPU, so that its indices, barriers and waits
// are tested where there is no GPU. Every thread is a fiber; warp-wide instructions meet all lanes and follow the PTX
// ISA's definition. An asynchronous copy takes place at the latest moment that the program allows: when it is waited
// for. Include before the kernel's header; slow, for tiny cases.
#pragma once

#include <ucontext.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#define __device__
#define __global__
#define __shared__
#define __grid_constant__
#define __align__(n)
#define __launch_bounds__(...)

struct float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct uint2 {
  uint32_t x, y;
};
struct alignas(16) uint4 {
  uint32_t x, y, z, w;
};
struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};

namespace frugal::emulated {

class Device {
 public:
  dim3 grid, block_size, block, thread;

  // Runs all blocks one after the other, with `bytes` of shared memory full of NaN before each.
  void launch(dim3 grid_size, unsigned threads, unsigned char* shared, size_t bytes,
              const std::function<void()>& kernel) {
    grid = grid_size;
    block_size = {threads, 1, 1};
    shared_ = shared;
    shared_bytes_ = bytes;
    for (block.y = 0; block.y < grid.y; ++block.y)
      for (block.x = 0; block.x < grid.x; ++block.x) {
        std::memset(shared, 0xff, bytes);
        run_block(threads, kernel);
      }
  }

  // Of `count` threads; the last one that comes lets all go on.
  void meet(int id, int count) {
    Barrier& barrier = barriers_[static_cast<size_t>(id)];
    progress_ = true;
    if (++barrier.arrived == count) {
      barrier.arrived = 0;
      ++barrier.generation;
      return;
    }
    for (const int64_t generation = barrier.generation; barrier.generation == generation;) leave();
  }
  void meet_warp() { meet(kWarpBarrier + static_cast<int>(thread.x / 32), 32); }

  // All lanes put a value in and see those of the others.
  template <typename T>
  std::array<T, 32> gather(const T& value) {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(Slot));
    auto& slots = slots_[thread.x / 32];
    std::memcpy(&slots[thread.x % 32], &value, sizeof(T));
    meet_warp();
    std::array<T, 32> all;
    for (size_t i = 0; i < 32; ++i) std::memcpy(&all[i], &slots[i], sizeof(T));
    meet_warp();
    return all;
  }

  unsigned char* shared(uint32_t address, size_t bytes) const {
    if (address + bytes > shared_bytes_ || address % std::min<size_t>(bytes, 16) != 0)
      throw std::out_of_range("shared memory at " + std::to_string(address));
    return shared_ + address;
  }
  uint32_t address(const void* pointer) const {
    return static_cast<uint32_t>(static_cast<const unsigned char*>(pointer) - shared_);
  }

  void copy_async(uint32_t to, const void* from, bool valid) {
    copies().back().push_back({to, valid ? from : nullptr});
  }
  void commit_copies() { copies().emplace_back(); }
  void wait_copies(size_t pending) {
    auto& groups = copies();  // the last one is open
    for (; groups.size() > pending + 1; groups.pop_front())
      for (const Copy& copy : groups.front()) {
        if (copy.from == nullptr)
          std::memset(shared(copy.to, 16), 0, 16);
        else
          std::memcpy(shared(copy.to, 16), copy.from, 16);
      }
  }

 private:
  static constexpr int kWarpBarrier = 16;
  struct Barrier {
    int arrived = 0;
    int64_t generation = 0;
  };
  struct Copy {
    uint32_t to;
    const void* from;
  };
  using Slot = std::array<uint32_t, 8>;
  struct Fiber {
    ucontext_t context;
    std::vector<char> stack = std::vector<char>(size_t{1} << 17);
    std::deque<std::vector<Copy>> copies = std::deque<std::vector<Copy>>(1);
    bool done = false;
  };

  std::deque<std::vector<Copy>>& copies() { return fibers_[thread.x]->copies; }
  void leave() { swapcontext(&fibers_[thread.x]->context, &scheduler_); }

  static void enter(unsigned high, unsigned low) {
    auto* device = std::bit_cast<Device*>((uint64_t{high} << 32) | low);
    try {
      (*device->kernel_)();
    } catch (...) {
      device->failure_ = std::current_exception();
    }
    device->fibers_[device->thread.x]->done = device->progress_ = true;
  }

  void run_block(unsigned threads, const std::function<void()>& kernel) {
    kernel_ = &kernel;
    fibers_.clear();
    barriers_ = {};
    for (unsigned i = 0; i < threads; ++i) {
      Fiber& fiber = *fibers_.emplace_back(std::make_unique<Fiber>());
      getcontext(&fiber.context);
      fiber.context.uc_stack.ss_sp = fiber.stack.data();
      fiber.context.uc_stack.ss_size = fiber.stack.size();
      fiber.context.uc_link = &scheduler_;
      const auto self = std::bit_cast<uint64_t>(this);
      makecontext(&fiber.context, reinterpret_cast<void (*)()>(&enter), 2, static_cast<unsigned>(self >> 32),
                  static_cast<unsigned>(self));
    }
    for (size_t left = threads; left > 0;) {
      progress_ = false;
      left = 0;
      for (thread.x = 0; thread.x < threads; ++thread.x) {
        if (fibers_[thread.x]->done) continue;
        swapcontext(&scheduler_, &fibers_[thread.x]->context);
        if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
        if (!fibers_[thread.x]->done) ++left;
      }
      if (left > 0 && !progress_) throw std::runtime_error("the threads of a block wait for each other");
    }
  }

  unsigned char* shared_ = nullptr;
  size_t shared_bytes_ = 0;
  std::array<Barrier, 48> barriers_;
  std::array<std::array<Slot, 32>, 32> slots_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  ucontext_t scheduler_;
  const std::function<void()>* kernel_ = nullptr;
  std::exception_ptr failure_;
  bool progress_ = false;
};

inline Device& device() {
  static Device one;
  return one;
}

}  // namespace frugal::emulated

#define threadIdx (::frugal::emulated::device().thread)
#define blockIdx (::frugal::emulated::device().block)
#define blockDim (::frugal::emulated::device().block_size)
#define gridDim (::frugal::emulated::device().grid)

inline void __syncthreads() {
  auto& device = frugal::emulated::device();
  device.meet(0, static_cast<int>(device.block_size.x));
}
inline void __syncwarp() {
  frugal::emulated::device().meet_warp();
}
inline float __shfl_xor_sync(uint32_t, float x, int mask) {
  return frugal::emulated::device().gather(x)[(threadIdx.x % 32) ^ static_cast<unsigned>(mask)];
}
inline bool __any_sync(uint32_t, bool x) {
  const auto all = frugal::emulated::device().gather(x);
  return std::find(all.begin(), all.end(), true) != all.end();
}
inline uint32_t __umulhi(uint32_t a, uint32_t b) {
  return static_cast<uint32_t>(uint64_t{a} * b >> 32);
}

// The interface of models/nn/kernels/mma.cuh.
namespace frugal::cuda {

using std::isnan;
using std::min;

inline uint32_t shared_address(const void* pointer) {
  return emulated::device().address(pointer);
}
inline void copy_async(uint32_t to, const void* from, bool valid) {
  emulated::device().copy_async(to, from, valid);
}
inline void commit_copies() {
  emulated::device().commit_copies();
}
template <int kPending>
void wait_copies() {
  emulated::device().wait_copies(kPending);
}
template <int kThreads>
void barrier(int id) {
  emulated::device().meet(id, kThreads);
}
inline float exp2_fast(float x) {
  return std::exp2(x);
}

inline uint16_t shared_half(uint32_t row, int column) {
  uint16_t x;
  std::memcpy(&x, emulated::device().shared(row, 16) + 2 * column, 2);
  return x;
}
inline void load_matrices(uint32_t (&r)[4], uint32_t address) {
  const auto rows = emulated::device().gather(address);
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int i = 0; i < 4; ++i) {
    const uint32_t row = rows[static_cast<size_t>(8 * i + lane / 4)];
    r[i] = shared_half(row, lane % 4 * 2) | uint32_t{shared_half(row, lane % 4 * 2 + 1)} << 16;
  }
}
inline void load_matrices_transposed(uint32_t (&r)[4], uint32_t address) {
  const auto rows = emulated::device().gather(address);
  const int lane = static_cast<int>(threadIdx.x % 32);
  for (int i = 0; i < 4; ++i) {
    const auto first = static_cast<size_t>(8 * i + lane % 4 * 2);
    r[i] = shared_half(rows[first], lane / 4) | uint32_t{shared_half(rows[first + 1], lane / 4)} << 16;
  }
}

struct Bfloat16 {
  uint16_t bits;
};

template <typename T>
struct Half2;

template <>
struct Half2<Bfloat16> {
  static float low(uint32_t pair) { return std::bit_cast<float>(pair << 16); }
  static float high(uint32_t pair) { return std::bit_cast<float>(pair & 0xffff0000U); }
  static uint32_t round(float x) {
    const auto bits = std::bit_cast<uint32_t>(x);
    return std::isnan(x) ? 0x7fffU : (bits + 0x7fffU + (bits >> 16 & 1U)) >> 16;
  }
  static uint32_t pack(float low, float high) { return round(low) | round(high) << 16; }

  static void multiply_add(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    const auto all = emulated::device().gather(std::array<uint32_t, 6>{a[0], a[1], a[2], a[3], b0, b1});
    const unsigned lane = threadIdx.x % 32;
    for (unsigned i = 0; i < 4; ++i) {
      const unsigned row = lane / 4, column = lane % 4 * 2 + i % 2;  // the row within a[0], a[2] or a[1], a[3]
      for (unsigned k = 0; k < 16; ++k) {
        const uint32_t left = all[row * 4 + k % 8 / 2][i / 2 + k / 8 * 2];
        const uint32_t right = all[column * 4 + k % 8 / 2][4 + k / 8];
        c[i] += (k % 2 == 0 ? low(left) : high(left)) * (k % 2 == 0 ? low(right) : high(right));
      }
    }
  }
};

}  // namespace frugal::cuda
