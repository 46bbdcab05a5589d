// YAML text to a graph of untyped nodes: yaml-cpp's events plus the checks that it leaves out.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/config/yaml.h"

namespace frugal::config::yaml {

struct RawNode {
  enum class Kind { kScalar, kSequence, kMapping };
  using Pair = std::pair<RawNode*, RawNode*>;

  Kind kind = Kind::kScalar;
  std::string tag;  // "?" plain, "!" quoted, else the explicit tag
  std::string text;
  std::vector<RawNode*> items;
  std::vector<Pair> pairs;
  Mark mark;
  bool flow = false;
  bool open = true;       // still being read: an alias to it would be endless
  bool prepared = false;  // keys checked, merges applied
  NodePtr value;          // of a scalar, once typed
};

struct RawDocument {
  std::deque<RawNode> nodes;  // stable addresses
  RawNode* root = nullptr;    // null for an empty stream
};

RawDocument parse_graph(const std::string& text, const std::string& name, const YamlLimits& limits);

// Text with '\n' line ends; throws yaml_error for bad UTF-8 and for characters that YAML forbids.
std::string normalized_text(const std::string& text, const std::string& name);

}  // namespace frugal::config::yaml
