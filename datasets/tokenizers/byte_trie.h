// A set of byte strings with a number each, walked byte by byte: longest matches without building substrings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace frugal::tokenizers {

// Edges live in one open-addressing table keyed by (node, byte): 16 bytes an edge, one probe a step.
class ByteTrie {
 public:
  using Node = std::uint32_t;
  static constexpr Node kRoot = 0;
  static constexpr Node kNone = ~Node{0};
  static constexpr std::int32_t kNoValue = -1;

  ByteTrie() : values_{kNoValue}, edges_(16) {}

  // False when the text is there already (its value stays). value >= 0.
  bool insert(std::string_view text, std::int32_t value);
  Node step(Node node, unsigned char byte) const;
  // The node after walking text from `node`; kNone when the way ends.
  Node walk(Node node, std::string_view text) const;
  std::int32_t value(Node node) const { return values_[node]; }
  std::optional<std::int32_t> find(std::string_view text) const;

  struct Match {
    std::size_t length = 0;
    std::int32_t value = kNoValue;  // kNoValue: no match
  };
  // The longest non-empty prefix of text that has a value, walking from `node`.
  Match longest_prefix(Node node, std::string_view text) const;

 private:
  struct Edge {
    std::uint64_t key = 0;  // (node << 8 | byte) + 1; 0 marks a free place
    Node target = kNone;
  };
  static std::uint64_t key_of(Node node, unsigned char byte) { return ((std::uint64_t{node} << 8) | byte) + 1; }
  std::size_t place(std::uint64_t key) const;
  void grow();

  std::vector<std::int32_t> values_;
  std::vector<Edge> edges_;  // a power of two, at most half full
  std::size_t used_ = 0;
};

}  // namespace frugal::tokenizers
