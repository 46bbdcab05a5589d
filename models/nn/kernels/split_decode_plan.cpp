#include <algorithm>
#include <limits>

#include "core/error.h"
#include "models/nn/kernels/split_decode.h"

namespace frugal {
namespace {

[[noreturn]] void unsupported(const std::string& message) {
  throw Error(ErrorKind::kUsage, "unsupported_shape", message);
}

void check(const SplitDecode& call) {
  if (call.type != ElementType::kBfloat16 && call.type != ElementType::kHalf)
    unsupported("the decode kernel takes bf16 and fp16");
  if (call.value_width < 16 || call.value_width > 512 || call.value_width % 8 != 0)
    unsupported(cat("a value of ", call.value_width, " elements; the decode kernel takes multiples of 8 in 16..512"));
  if (call.key_width < 16 || call.key_width > 576 || call.key_width % 8 != 0)
    unsupported(cat("a key of ", call.key_width, " elements; the decode kernel takes multiples of 8 in 16..576"));
  if (call.batch < 1 || call.batch > 65535 || call.heads < 1 || call.groups < 1 ||
      int64_t{call.groups} * call.heads > 65535)
    unsupported(cat("batch ", call.batch, ", ", call.groups, " groups of ", call.heads, " heads"));
}

int shared_bytes(const SplitDecode& call, const SplitDecodePlan& plan) {
  const int heads = 16 * plan.head_tiles, width = call.token[0].width + call.token[1].width;
  const int queries = heads * query_row(call.key_width) * 2;
  const int tiles = plan.teams * plan.stages * kTileTokens * token_row(width) * 2;
  const int probabilities = plan.value_warps > 1 ? plan.teams * heads * probability_row(kTileTokens) * 2 : 0;
  const int statistics = (2 * plan.teams * plan.value_warps + plan.teams + 2) * heads * 4;
  return queries + tiles + probabilities + statistics;
}

// As many warps as a multiprocessor's registers take, then as many stages as its shared memory takes.
bool place(const SplitDecode& call, const DeviceLimits& device, SplitDecodePlan& plan) {
  for (plan.teams = 8 / plan.value_warps; plan.teams >= 1; plan.teams /= 2)
    for (plan.stages = 4; plan.stages >= 2; --plan.stages) {
      plan.shared_bytes = shared_bytes(call, plan);
      if (plan.shared_bytes <= device.shared_bytes) return true;
    }
  return false;
}

// The number of parts with the shortest time, counted in tiles that one team reads one after the other.
int best_splits(const SplitDecode& call, const DeviceLimits& device, const SplitDecodePlan& plan) {
  constexpr int64_t kFixedCost = 2;  // start and end of a block, in tiles
  const int64_t tiles = std::max<int64_t>(1, (call.longest + kTileTokens - 1) / kTileTokens);
  const int64_t blocks = int64_t{call.batch} * call.groups * plan.blocks_of_heads;
  int64_t best = 1, shortest = std::numeric_limits<int64_t>::max();
  for (int64_t splits = 1; splits <= std::min<int64_t>(tiles, kMostSplits); ++splits) {
    const int64_t waves = (blocks * splits + device.multiprocessors - 1) / device.multiprocessors;
    const int64_t of_block = (tiles + splits - 1) / splits;
    const int64_t time = waves * ((of_block + plan.teams - 1) / plan.teams + kFixedCost);
    if (time < shortest) {
      shortest = time;
      best = splits;
    }
  }
  return static_cast<int>(best);
}

}  // namespace

SplitDecodePlan plan_split_decode(const SplitDecode& call, const DeviceLimits& device) {
  check(call);
  SplitDecodePlan plan;
  plan.head_tiles = call.heads <= 16 ? 1 : 2;
  plan.blocks_of_heads = (call.heads + 16 * plan.head_tiles - 1) / (16 * plan.head_tiles);
  plan.value_warps = call.value_width <= 128 ? 1 : call.value_width <= 256 ? 2 : 4;
  plan.value_columns = call.value_width <= 64 ? 64 : 128;
  if (!place(call, device, plan))
    unsupported(cat("a key of ", call.key_width, " and a value of ", call.value_width, " elements need ",
                    plan.shared_bytes, " bytes of shared memory, this device gives a block ", device.shared_bytes));
  plan.splits = best_splits(call, device, plan);
  const int64_t heads = int64_t{call.batch} * call.groups * call.heads;
  plan.partial_floats = plan.splits == 1 ? 0 : heads * plan.splits * (call.value_width + 2);
  return plan;
}

}  // namespace frugal
