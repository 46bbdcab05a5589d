// The order in which examples are visited. Same seed, same order, on every machine; any point can be resumed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "datasets/tokenizers/tokenizer.h"

namespace frugal::datasets {

// A permutation of 0..n-1: Fisher-Yates from the top, its draws from Philox4x32-10 keyed by `seed` with the counter's
// upper half set to `epoch` (core/philox.h), so epoch e needs no draws of the epochs before it. n < 2^32.
std::vector<std::uint32_t> permutation(std::size_t n, std::uint64_t seed, std::uint64_t epoch);

// transformers' get_length_grouped_indices on a given permutation (spec meft.md 2.8): mega-batches of
// max(1, min(n / (4 batch_size), 50)) * batch_size, each sorted by length descending (stable), then the first example
// of the mega-batch that holds the globally longest one is swapped with the very first. batch_size >= 1.
std::vector<std::uint32_t> group_by_length(std::span<const std::uint32_t> order, std::span<const std::uint32_t> lengths,
                                           std::size_t batch_size);

struct SamplerOptions {
  std::size_t batch_size = 32;   // >= 1
  std::uint64_t seed = 0;        // of the run's `data` stream
  bool shuffle = true;           // false: file order
  bool group_by_length = false;  // needs lengths; with shuffle only
  bool drop_last = false;        // drops a short last batch
};

// Where a sampler stands; all that a checkpoint has to keep.
struct SamplerState {
  std::uint64_t epoch = 0;
  std::uint64_t position = 0;  // batches of this epoch already given out
};

// Endless stream of batches of example indices, epoch after epoch.
class BatchSampler {
 public:
  // lengths: one a example, in tokens; only its size matters without group_by_length.
  // Errors: kUsage `sampler_options` (no example, batch_size 0, no batch left after drop_last, grouping unshuffled).
  BatchSampler(std::vector<std::uint32_t> lengths, const SamplerOptions& options, SamplerState state = {});

  std::size_t batches_per_epoch() const;
  // The next batch; moves on to the next epoch after the last one.
  std::vector<std::uint32_t> next();
  // state().position < batches_per_epoch(): after an epoch's last batch the state is {epoch + 1, 0}.
  const SamplerState& state() const { return state_; }
  // Error(kUsage, "sampler_state") for a position that no epoch has.
  void restore(SamplerState state);

 private:
  void order_epoch();

  std::vector<std::uint32_t> lengths_;
  SamplerOptions options_;
  SamplerState state_;
  std::vector<std::uint32_t> order_;
};

// The encodings at `indices`, padded to the longest of them.
tokenizers::PaddedBatch gather_batch(std::span<const tokenizers::Encoding> encodings,
                                     std::span<const std::uint32_t> indices, const tokenizers::PadOptions& options);

}  // namespace frugal::datasets
