#include "core/error.h"
#include "models/nn/cuda_support.h"

namespace frugal::cuda {
namespace {

[[noreturn]] void fail() {
  throw Error(ErrorKind::kEnvironment, "no_cuda", "this worker was built without CUDA", {},
              "configure with FRUGAL_CUDA=ON, or run with device=cpu");
}

}  // namespace

bool built() {
  return false;
}
int device_count() {
  return 0;
}
void set_device(int) {
  fail();
}
void keyed_dropout(const at::Tensor&, at::Tensor&, uint32_t, double, uint64_t) {
  fail();
}
DeviceLimits device_limits() {
  fail();
}
void split_decode(const SplitDecode&, const SplitDecodePlan&) {
  fail();
}
void divergence_rows(const DivergenceRows&) {
  fail();
}
void synchronize() {
  fail();
}
int64_t allocated_bytes() {
  fail();
}
int64_t peak_allocated_bytes() {
  fail();
}
void reset_peak() {
  fail();
}
int64_t peak_reserved_bytes() {
  fail();
}
int64_t time_with_events_ns(const std::function<void()>&) {
  fail();
}
std::unique_ptr<Graph> capture_graph(const std::function<void()>&) {
  fail();
}
std::string device_uuid() {
  fail();
}
std::string device_line() {
  fail();
}

}  // namespace frugal::cuda
