#include "models/nn/unordered_copy.h"

#include <ATen/Context.h>

namespace frugal {
namespace {

class AnyOrder {
 public:
  AnyOrder() { at::globalContext().setDeterministicAlgorithms(false, false); }
  ~AnyOrder() { at::globalContext().setDeterministicAlgorithms(strict_, warns_); }
  AnyOrder(const AnyOrder&) = delete;
  AnyOrder& operator=(const AnyOrder&) = delete;

 private:
  bool strict_ = at::globalContext().deterministicAlgorithms();
  bool warns_ = at::globalContext().deterministicAlgorithmsWarnOnly();
};

}  // namespace

void copy_to_places(const at::Tensor& target, const at::Tensor& places, const at::Tensor& values) {
  const AnyOrder any_order;
  target.index_copy_(0, places, values);
}

}  // namespace frugal
