#include "methods/x_ecomla/ranks.h"

#include <algorithm>
#include <numeric>
#include <queue>

namespace frugal::x_ecomla {
namespace {

int64_t floor_step(int64_t rank) {
  return std::max(rank / kRankStep * kRankStep, kRankStep);
}

double block_energy(const Energies& energies, int64_t block) {
  const auto count = static_cast<int64_t>(energies.size());
  const auto at = [&](int64_t i) { return energies.begin() + std::min(i, count); };
  return std::accumulate(at(block * kRankStep), at((block + 1) * kRankStep), 0.0);
}

}  // namespace

int64_t energy_rank(const Energies& energies, double delta, std::string_view rule) {
  const double all = std::accumulate(energies.begin(), energies.end(), 0.0);
  const auto full = static_cast<int64_t>(energies.size());
  int64_t rank = 0;
  double sum = 0;
  for (const double energy : energies) {
    if (rule == "paper" && sum >= delta * all) break;
    sum += energy;
    if (rule == "code" && delta < 1 && sum / all > delta) break;
    ++rank;
  }
  rank = std::max<int64_t>(rank, 1);
  return std::min((rank + kRankStep - 1) / kRankStep * kRankStep, full);
}

std::vector<int64_t> global_ranks(const std::vector<Energies>& layers, int64_t mean) {
  // Blocks of a layer come in descending energy, so that taking the largest one of all layers each time is optimal.
  struct Next {
    double energy;
    size_t layer;
    bool operator<(const Next& other) const {
      return energy != other.energy ? energy < other.energy : layer > other.layer;
    }
  };
  std::vector<int64_t> blocks(layers.size(), 1);
  std::priority_queue<Next> queue;
  const auto offer = [&](size_t l) {
    if (blocks[l] * kRankStep < static_cast<int64_t>(layers[l].size()))
      queue.push({block_energy(layers[l], blocks[l]), l});
  };
  for (size_t l = 0; l < layers.size(); ++l) offer(l);
  const int64_t total = mean * static_cast<int64_t>(layers.size()) / kRankStep;
  for (auto left = total - static_cast<int64_t>(layers.size()); left > 0 && !queue.empty(); --left) {
    const size_t layer = queue.top().layer;
    queue.pop();
    ++blocks[layer];
    offer(layer);
  }
  std::vector<int64_t> ranks;
  for (size_t l = 0; l < layers.size(); ++l)
    ranks.push_back(std::min(blocks[l] * kRankStep, static_cast<int64_t>(layers[l].size())));
  return ranks;
}

int64_t matched_query_rank(const AttentionSizes& s, int64_t kv_rank) {
  const int64_t base = s.heads * s.head * s.hidden + 2 * s.kv_heads * s.head * s.hidden;
  const int64_t keys = s.hidden * (kv_rank + s.rope) + kv_rank * s.heads * (s.nope + s.head);
  const int64_t full = std::min(s.hidden, s.heads * s.head);
  return floor_step(std::min((base - keys) / (s.hidden + s.heads * (s.nope + s.rope)), full));
}

int64_t budget_kv_rank(const AttentionSizes& s, double share) {
  const double numbers = share * static_cast<double>(2 * s.kv_heads * s.head);
  const int64_t full = std::min(s.hidden, 2 * s.kv_heads * s.head);
  return floor_step(std::min(static_cast<int64_t>(numbers) - s.rope, full));
}

int64_t cached_numbers(const MlaConfig& config, const LlamaConfig& base) {
  int64_t numbers = 0;
  for (int64_t l = 0; l < base.num_hidden_layers; ++l)
    numbers += config.converts(l) ? config.layers.at(l).kv + config.rope : 2 * base.kv_heads() * base.head_size();
  return numbers;
}

double cache_share(const MlaConfig& config, const LlamaConfig& base) {
  return static_cast<double>(cached_numbers(config, base)) /
         static_cast<double>(base.num_hidden_layers * 2 * base.kv_heads() * base.head_size());
}

}  // namespace frugal::x_ecomla
