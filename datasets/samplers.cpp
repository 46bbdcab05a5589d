#include "datasets/samplers.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/philox.h"

namespace frugal::datasets {

std::vector<std::uint32_t> permutation(std::size_t n, std::uint64_t seed, std::uint64_t epoch) {
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  Philox random(seed, epoch);
  for (std::size_t i = n; i > 1; --i) std::swap(order[i - 1], order[random.below(static_cast<std::uint32_t>(i))]);
  return order;
}

std::vector<std::uint32_t> group_by_length(std::span<const std::uint32_t> order, std::span<const std::uint32_t> lengths,
                                           std::size_t batch_size) {
  std::vector<std::uint32_t> result(order.begin(), order.end());
  if (result.empty()) return result;
  const auto n = result.size();
  const auto mega = std::max<std::size_t>(1, std::min<std::size_t>(n / (4 * batch_size), 50)) * batch_size;
  std::size_t longest = 0;  // first place of the mega-batch that holds the longest example
  for (std::size_t begin = 0; begin < n; begin += mega) {
    const auto first = result.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = result.begin() + static_cast<std::ptrdiff_t>(std::min(begin + mega, n));
    std::stable_sort(first, last, [&](auto a, auto b) { return lengths[a] > lengths[b]; });
    if (lengths[result[begin]] > lengths[result[longest]]) longest = begin;
  }
  std::swap(result[0], result[longest]);
  return result;
}

BatchSampler::BatchSampler(std::vector<std::uint32_t> lengths, const SamplerOptions& options, SamplerState state)
    : lengths_(std::move(lengths)), options_(options) {
  const auto fail = [](const std::string& message) { throw Error(ErrorKind::kUsage, "sampler_options", message); };
  if (lengths_.empty()) fail("there is no example to draw from");
  if (options_.batch_size == 0) fail("batch_size must be at least 1");
  if (options_.group_by_length && !options_.shuffle) fail("group_by_length needs shuffle");
  if (batches_per_epoch() == 0)
    fail(cat("drop_last leaves no batch of ", options_.batch_size, " from ", lengths_.size(), " examples"));
  restore(state);
}

std::size_t BatchSampler::batches_per_epoch() const {
  const auto n = lengths_.size(), size = options_.batch_size;
  return options_.drop_last ? n / size : (n + size - 1) / size;
}

void BatchSampler::restore(SamplerState state) {
  if (state.position >= batches_per_epoch())
    throw Error(ErrorKind::kUsage, "sampler_state",
                cat("batch ", state.position, " of an epoch of ", batches_per_epoch(), " batches"));
  state_ = state;
  order_epoch();
}

void BatchSampler::order_epoch() {
  if (options_.shuffle) {
    order_ = permutation(lengths_.size(), options_.seed, state_.epoch);
    if (options_.group_by_length) order_ = datasets::group_by_length(order_, lengths_, options_.batch_size);
  } else {
    order_.resize(lengths_.size());
    std::iota(order_.begin(), order_.end(), 0u);
  }
}

std::vector<std::uint32_t> BatchSampler::next() {
  const auto begin = static_cast<std::size_t>(state_.position) * options_.batch_size;
  const auto end = std::min(begin + options_.batch_size, order_.size());
  std::vector<std::uint32_t> batch(order_.begin() + static_cast<std::ptrdiff_t>(begin),
                                   order_.begin() + static_cast<std::ptrdiff_t>(end));
  if (++state_.position == batches_per_epoch()) {
    state_ = {state_.epoch + 1, 0};
    order_epoch();
  }
  return batch;
}

tokenizers::PaddedBatch gather_batch(std::span<const tokenizers::Encoding> encodings,
                                     std::span<const std::uint32_t> indices, const tokenizers::PadOptions& options) {
  std::vector<tokenizers::Encoding> chosen;
  chosen.reserve(indices.size());
  for (const auto i : indices) {
    if (i >= encodings.size())
      throw Error(ErrorKind::kUsage, "sampler_index", cat("example ", i, " of ", encodings.size()));
    chosen.push_back(encodings[i]);
  }
  return pad_batch(chosen, options);
}

}  // namespace frugal::datasets
