#include "datasets/text_dataset.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "datasets/samplers.h"

namespace frugal::datasets {

namespace {

// The dataset without its examples.
TextDataset like(const TextDataset& dataset) {
  TextDataset result;
  result.task = dataset.task;
  result.split = dataset.split;
  result.label_names = dataset.label_names;
  result.regression = dataset.regression;
  result.sources = dataset.sources;
  result.notes = dataset.notes;
  return result;
}

// The first `count` indices of the seeded permutation.
std::vector<std::uint32_t> chosen(std::size_t n, std::size_t count, std::uint64_t seed) {
  auto order = permutation(n, seed, 0);
  order.resize(std::min(count, n));
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace

bool TextDataset::labelled() const {
  return std::all_of(examples.begin(), examples.end(), [](const Example& example) { return example.labelled(); });
}

TextDataset slice(const TextDataset& dataset, std::size_t begin, std::size_t count) {
  auto result = like(dataset);
  const auto size = dataset.examples.size();
  begin = std::min(begin, size);
  count = std::min(count, size - begin);
  const auto first = dataset.examples.begin() + static_cast<std::ptrdiff_t>(begin);
  result.examples.assign(first, first + static_cast<std::ptrdiff_t>(count));
  if (count != size) result.notes.push_back(cat("examples ", begin, " to ", begin + count, " of ", size));
  return result;
}

TextDataset sample(const TextDataset& dataset, std::size_t count, std::uint64_t seed) {
  const auto size = dataset.examples.size();
  if (count >= size) return dataset;
  auto result = like(dataset);
  for (const auto i : chosen(size, count, seed)) result.examples.push_back(dataset.examples[i]);
  result.notes.push_back(cat(count, " of ", size, " examples, drawn with seed ", seed));
  return result;
}

Split split(const TextDataset& dataset, double held_out_share, std::uint64_t seed) {
  if (!(held_out_share > 0 && held_out_share < 1))
    throw Error(ErrorKind::kUsage, "split_share", cat("expected a share between 0 and 1, found ", held_out_share));
  const auto size = dataset.examples.size();
  const auto held_out = static_cast<std::size_t>(std::llround(held_out_share * static_cast<double>(size)));
  const auto picked = chosen(size, held_out, seed);
  Split result{like(dataset), like(dataset)};
  auto next = picked.begin();
  for (std::size_t i = 0; i < size; ++i) {
    const bool out = next != picked.end() && *next == i;
    if (out) ++next;
    (out ? result.held_out : result.train).examples.push_back(dataset.examples[i]);
  }
  const auto note = cat("split of ", dataset.split, " with seed ", seed, ": ", held_out, " of ", size, " held out");
  result.train.notes.push_back(note);
  result.held_out.notes.push_back(note);
  return result;
}

}  // namespace frugal::datasets
