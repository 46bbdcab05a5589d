#include "models/nn/memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>

#include <atomic>
#include <cstring>

#include "core/error.h"
#include "models/nn/cuda_support.h"

namespace frugal::memory {
namespace {

// The size of a block stands in a header before it, because a free tells only the address.
class AccountingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes == 0) return {nullptr, nullptr, &release, c10::Device(c10::kCPU)};
    auto* block = static_cast<std::byte*>(c10::alloc_cpu(bytes + kHeader));
    std::memcpy(block, &bytes, sizeof(bytes));
    const int64_t now = allocated.fetch_add(static_cast<int64_t>(bytes)) + static_cast<int64_t>(bytes);
    for (int64_t seen = peak.load(); now > seen && !peak.compare_exchange_weak(seen, now);) {
    }
    std::byte* data = block + kHeader;
    return {data, data, &release, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, size_t bytes) const override { std::memcpy(to, from, bytes); }

  static inline std::atomic<int64_t> allocated{0}, peak{0};

 private:
  static constexpr size_t kHeader = 64;  // keeps the alignment that vector code expects

  static void release(void* data) {
    if (data == nullptr) return;
    std::byte* block = static_cast<std::byte*>(data) - kHeader;
    size_t bytes = 0;
    std::memcpy(&bytes, block, sizeof(bytes));
    allocated.fetch_sub(static_cast<int64_t>(bytes));
    c10::free_cpu(block);
  }
};

bool g_installed = false;

void require_installed() {
  if (!g_installed)
    throw Error(ErrorKind::kRunFailed, "no_memory_accounting", "the counting CPU allocator is not installed");
}

}  // namespace

void install_cpu_accounting() {
  static AccountingAllocator allocator;
  if (g_installed) return;
  c10::SetCPUAllocator(&allocator, /*priority=*/1);
  g_installed = true;
}

bool cpu_accounting_installed() {
  return g_installed;
}

int64_t allocated_bytes(const at::Device& device) {
  if (device.is_cuda()) return cuda::allocated_bytes();
  require_installed();
  return AccountingAllocator::allocated.load();
}

int64_t peak_bytes(const at::Device& device) {
  if (device.is_cuda()) return cuda::peak_allocated_bytes();
  require_installed();
  return AccountingAllocator::peak.load();
}

void reset_peak(const at::Device& device) {
  if (device.is_cuda()) return cuda::reset_peak();
  require_installed();
  AccountingAllocator::peak = AccountingAllocator::allocated.load();
}

}  // namespace frugal::memory
