#include "experiments/parallel/vote.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>

namespace frugal {

// One slot a rank and wish, so that a sum keeps them apart.
Vote::Said Vote::say(const Wish& mine) {
  at::Tensor slots = at::zeros({group_.size(), 2}, at::kLong);
  auto own = slots.mutable_data_ptr<int64_t>() + 2 * group_.rank();
  own[0] = mine.stop_signal;
  own[1] = mine.checkpoint ? 1 : 0;
  if (!device_.is_cuda()) {
    group_.sum({slots});
    return {.host = slots, .copied = std::nullopt};
  }
  const at::Tensor there = slots.pin_memory().to(device_, /*non_blocking=*/true);
  group_.sum({there});
  Said said{.host = at::empty(slots.sizes(), slots.options().pinned_memory(true)), .copied = std::nullopt};
  said.host.copy_(there, /*non_blocking=*/true);
  said.copied.emplace(device_.type());
  said.copied->record(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
  return said;
}

Wish Vote::hear(Said& said) {
  if (said.copied) said.copied->synchronize();
  const int64_t* slot = said.host.const_data_ptr<int64_t>();
  Wish all;
  for (int64_t rank = 0; rank < said.host.size(0); ++rank, slot += 2) {
    all.stop_signal = std::max(all.stop_signal, static_cast<int>(slot[0]));
    all.checkpoint = all.checkpoint || slot[1] != 0;
  }
  return all;
}

Wish Vote::cast(const Wish& mine) {
  if (group_.alone()) return mine;
  Said now = say(mine);
  if (!device_.is_cuda()) return hear(now);
  const Wish heard = said_ ? hear(*said_) : Wish{};
  said_ = std::move(now);
  return heard;
}

}  // namespace frugal
