#include "datasets/tokenizers/byte_trie.h"

#include <utility>

namespace frugal::tokenizers {

std::size_t ByteTrie::place(std::uint64_t key) const {
  const std::size_t mask = edges_.size() - 1;
  auto at = static_cast<std::size_t>((key * 0x9E3779B97F4A7C15u) >> 20) & mask;
  while (edges_[at].key != 0 && edges_[at].key != key) at = (at + 1) & mask;
  return at;
}

void ByteTrie::grow() {
  auto old = std::exchange(edges_, std::vector<Edge>(edges_.size() * 2));
  for (const auto& edge : old)
    if (edge.key != 0) edges_[place(edge.key)] = edge;
}

bool ByteTrie::insert(std::string_view text, std::int32_t value) {
  Node node = kRoot;
  for (const char c : text) {
    const auto key = key_of(node, static_cast<unsigned char>(c));
    auto at = place(key);
    if (edges_[at].key == 0) {
      if (2 * (used_ + 1) > edges_.size()) {
        grow();
        at = place(key);
      }
      edges_[at] = {key, static_cast<Node>(values_.size())};
      values_.push_back(kNoValue);
      ++used_;
    }
    node = edges_[at].target;
  }
  if (values_[node] != kNoValue) return false;
  values_[node] = value;
  return true;
}

ByteTrie::Node ByteTrie::step(Node node, unsigned char byte) const {
  return edges_[place(key_of(node, byte))].target;  // a free place has target kNone
}

ByteTrie::Node ByteTrie::walk(Node node, std::string_view text) const {
  for (const char c : text) {
    node = step(node, static_cast<unsigned char>(c));
    if (node == kNone) break;
  }
  return node;
}

std::optional<std::int32_t> ByteTrie::find(std::string_view text) const {
  const auto node = walk(kRoot, text);
  if (node == kNone || values_[node] == kNoValue) return std::nullopt;
  return values_[node];
}

ByteTrie::Match ByteTrie::longest_prefix(Node node, std::string_view text) const {
  Match best;
  for (std::size_t i = 0; i < text.size(); ++i) {
    node = step(node, static_cast<unsigned char>(text[i]));
    if (node == kNone) break;
    if (values_[node] != kNoValue) best = {i + 1, values_[node]};
  }
  return best;
}

}  // namespace frugal::tokenizers
