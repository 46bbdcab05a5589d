#include "models/nn/pass.h"

#include <initializer_list>

namespace frugal {
namespace {

// SplitMix64's finaliser: every input bit reaches every output bit.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

uint64_t chain(uint64_t key, std::initializer_list<uint64_t> parts) {
  for (const uint64_t part : parts) key = mix(key ^ mix(part));
  return key;
}

}  // namespace

Pass Pass::train(uint64_t run_seed, int64_t step, int64_t micro_batch, double progress) {
  return {.training = true,
          .key = chain(run_seed, {static_cast<uint64_t>(step), static_cast<uint64_t>(micro_batch)}),
          .step = step,
          .progress = progress};
}

uint64_t Pass::site_key(DropoutSite site, int64_t layer, uint64_t extra) const {
  return chain(key, {static_cast<uint64_t>(site), static_cast<uint64_t>(layer), extra});
}

}  // namespace frugal
