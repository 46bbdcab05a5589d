#include "core/config/yaml.h"

#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <deque>
#include <fstream>
#include <set>

#include "core/config/errors.h"
#include "core/config/interpolation.h"
#include "core/config/python.h"
#include "core/config/yaml_graph.h"
#include "core/config/yaml_scalar.h"

namespace frugal::config {

namespace {

using yaml::RawNode;
using yaml::ScalarTag;

constexpr std::string_view kStandard = "tag:yaml.org,2002:";

[[noreturn]] void bad(const RawNode& node, std::string message) {
  fail("yaml_error", std::move(message), node.mark);
}

// "1:30:15" in base 60.
std::string sexagesimal_digits(const std::string& text) {
  std::int64_t total = 0;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ':');) total = total * 60 + std::stoll(part);
  return std::to_string(total);
}

NodePtr int_value(const RawNode& node, std::string_view text) {
  std::string clean;
  for (const char c : text)
    if (c != '_') clean += c;
  const bool negative = clean.starts_with('-');
  if (negative || clean.starts_with('+')) clean.erase(0, 1);
  std::optional<std::string> digits;
  if (clean.starts_with("0b")) {
    digits = python::parse_int(clean.substr(2), 2);
  } else if (clean.starts_with("0x")) {
    digits = python::parse_int(clean.substr(2), 16);
  } else if (clean.size() > 1 && clean[0] == '0') {
    digits = python::parse_int(clean, 8);
  } else if (clean.find(':') != std::string::npos && clean.size() < 18) {
    digits = sexagesimal_digits(clean);
  } else {
    digits = python::parse_int(clean);
  }
  if (!digits) bad(node, cat("'", text, "' is not an integer"));
  return Node::of_digits(negative && *digits != "0" ? "-" + *digits : *digits, node.mark);
}

NodePtr float_value(const RawNode& node, std::string_view text) {
  std::string clean;
  for (const char c : python::lower(text))
    if (c != '_') clean += c;
  const double sign = clean.starts_with('-') ? -1 : 1;
  if (clean.starts_with('-') || clean.starts_with('+')) clean.erase(0, 1);
  if (clean == ".inf") return Node::of(sign * INFINITY, node.mark);
  if (clean == ".nan") return Node::of(static_cast<double>(NAN), node.mark);
  double total = 0;
  std::istringstream parts(clean);
  for (std::string part; std::getline(parts, part, ':');) {
    const auto value = python::parse_float(part);
    if (!value) bad(node, cat("'", text, "' is not a number"));
    total = total * 60 + *value;
  }
  if (clean.empty()) bad(node, "an empty text is not a number");
  return Node::of(sign * total, node.mark);
}

NodePtr bool_value(const RawNode& node, std::string_view text) {
  const auto name = python::lower(text);
  if (name == "yes" || name == "true" || name == "on") return Node::of(true, node.mark);
  if (name == "no" || name == "false" || name == "off") return Node::of(false, node.mark);
  bad(node, cat("'", text, "' is not a boolean"));
}

NodePtr binary_value(const RawNode& node) {
  std::string bytes;
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : node.text) {
    static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const auto value = kAlphabet.find(c);
    if (value == std::string_view::npos) continue;
    buffer = (buffer << 6U) | static_cast<unsigned>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>((buffer >> static_cast<unsigned>(bits)) & 0xFFU);
    }
  }
  auto value = Node::of(std::move(bytes), node.mark);
  value->kind = NodeKind::kBytes;
  return value;
}

NodePtr text_value(const RawNode& node) {
  if (node.text.find("${") != std::string::npos) check_interpolation(node.text, node.mark);
  return Node::of(node.text, node.mark);
}

NodePtr tagged_value(const RawNode& node) {
  const std::string_view tag = std::string_view(node.tag).substr(kStandard.size());
  if (tag == "str") return text_value(node);
  if (tag == "int") return int_value(node, node.text);
  if (tag == "float") return float_value(node, node.text);
  if (tag == "bool") return bool_value(node, node.text);
  if (tag == "null") return Node::null(node.mark);
  if (tag == "binary") return binary_value(node);
  bad(node, cat("the tag '", node.tag, "' has no meaning here"));
}

NodePtr scalar_value(const RawNode& node, bool is_key) {
  if (node.tag == "!") return text_value(node);
  if (node.tag.starts_with(kStandard)) return tagged_value(node);
  if (node.tag != "?" && !node.tag.empty()) bad(node, cat("the tag '", node.tag, "' has no meaning here"));
  switch (yaml::resolve_plain(node.text)) {
    case ScalarTag::kNull: return Node::null(node.mark);
    case ScalarTag::kBool: return bool_value(node, node.text);
    case ScalarTag::kInt: return int_value(node, node.text);
    case ScalarTag::kFloat: return float_value(node, node.text);
    case ScalarTag::kString: return text_value(node);
    case ScalarTag::kValue:
      if (is_key) return Node::of(node.text, node.mark);
      [[fallthrough]];
    default: bad(node, cat("'", node.text, "' has no meaning as a value"));
  }
}

bool is_merge_key(const RawNode& node) {
  return node.kind == RawNode::Kind::kScalar &&
         ((node.tag == "?" && node.text == "<<") || node.tag == "tag:yaml.org,2002:merge");
}

bool is_text_key(const RawNode& node) {
  if (node.kind != RawNode::Kind::kScalar) return false;
  return node.tag == "!" || node.tag == "tag:yaml.org,2002:str" ||
         (node.tag == "?" && yaml::resolve_plain(node.text) == ScalarTag::kString);
}

// Applies PyYAML's order of things: level by level, each mapping is checked for duplicates, then its merge keys are
// expanded in place. The order shows: a mapping expanded early by a merge elsewhere is checked in its expanded form.
class Constructor {
 public:
  Constructor(const YamlLimits& limits) : limits_(limits) {}

  NodePtr construct(RawNode* root) {
    prepare_all(root);
    return expand(*root);
  }

 private:
  void prepare_all(RawNode* root) {
    std::deque<RawNode*> queue = {root};
    for (; !queue.empty(); queue.pop_front()) {
      auto& node = *queue.front();
      if (node.prepared) continue;
      node.prepared = true;
      if (node.kind == RawNode::Kind::kScalar) {
        node.value = scalar_value(node, false);
      } else if (node.kind == RawNode::Kind::kSequence) {
        check_tag(node, "seq");
        queue.insert(queue.end(), node.items.begin(), node.items.end());
      } else {
        check_tag(node, "map");
        refuse_duplicates(node);
        flatten(node);
        for (const auto& [key, value] : node.pairs) queue.push_back(value);
      }
    }
  }

  static void check_tag(const RawNode& node, std::string_view expected) {
    if (node.tag == "?" || node.tag == "!" || node.tag.empty() || node.tag == cat(kStandard, expected)) return;
    bad(node, cat("the tag '", node.tag, "' has no meaning here"));
  }

  static void refuse_duplicates(const RawNode& node) {
    std::set<std::string_view> seen;
    for (const auto& [key, value] : node.pairs)
      if (is_text_key(*key) && !seen.insert(key->text).second) bad(*key, cat("the key '", key->text, "' stands twice"));
  }

  void flatten(RawNode& node) {
    std::vector<RawNode::Pair> merged;
    std::vector<RawNode::Pair> own;
    for (const auto& pair : node.pairs) {
      if (!is_merge_key(*pair.first)) {
        own.push_back(pair);
        continue;
      }
      auto& source = *pair.second;
      if (source.kind == RawNode::Kind::kMapping) {
        flatten(source);
        merged.insert(merged.end(), source.pairs.begin(), source.pairs.end());
      } else if (source.kind == RawNode::Kind::kSequence) {
        for (auto item = source.items.rbegin(); item != source.items.rend(); ++item) {
          if ((*item)->kind != RawNode::Kind::kMapping) bad(**item, "`<<` merges mappings only");
          flatten(**item);
          merged.insert(merged.end(), (*item)->pairs.begin(), (*item)->pairs.end());
        }
      } else {
        bad(source, "`<<` merges a mapping or a list of mappings");
      }
      if (merged.size() > limits_.nodes) bad(node, "merge keys grow beyond the limit");
    }
    if (own.size() == node.pairs.size()) return;
    merged.insert(merged.end(), own.begin(), own.end());
    merged_pairs_ += merged.size();
    if (merged_pairs_ > limits_.nodes) bad(node, "merge keys grow beyond the limit");
    node.pairs = std::move(merged);
  }

  static Key make_key(RawNode& node) {
    if (node.kind != RawNode::Kind::kScalar) bad(node, "a list or a mapping cannot be a key");
    const auto value = scalar_value(node, true);
    switch (value->kind) {
      case NodeKind::kNull: bad(node, "null cannot be a key");
      case NodeKind::kBool: return {value->kind, value->boolean ? "true" : "false"};
      case NodeKind::kString: return Key(value->text);
      case NodeKind::kBytes: return {value->kind, value->text};
      default: return {value->kind, python_text(*value)};
    }
  }

  NodePtr expand(RawNode& raw) {
    if (++expanded_ > limits_.nodes) bad(raw, cat("aliases grow beyond ", limits_.nodes, " values"));
    if (raw.kind == RawNode::Kind::kScalar) return raw.value->copy();
    if (depth_ >= limits_.depth) bad(raw, cat("values nested deeper than ", limits_.depth, " levels"));
    ++depth_;
    auto node = raw.kind == RawNode::Kind::kSequence ? Node::list(raw.mark) : Node::dict(raw.mark);
    for (auto* item : raw.items) node->append(expand(*item));
    for (const auto& [key, value] : raw.pairs) node->set(make_key(*key), expand(*value));
    --depth_;
    return node;
  }

  const YamlLimits& limits_;
  std::size_t expanded_ = 0;
  std::size_t merged_pairs_ = 0;
  std::size_t depth_ = 0;
};

NodePtr load_value(const std::string& text, const std::string& name, const YamlLimits& limits) {
  if (text.size() > limits.bytes) fail("yaml_error", cat("the file is larger than ", limits.bytes, " bytes"), name);
  auto document = yaml::parse_graph(yaml::normalized_text(text, name), name, limits);
  if (document.root == nullptr) return Node::null(Mark{std::make_shared<const std::string>(name), 1, 1});
  return Constructor(limits).construct(document.root);
}

}  // namespace

NodePtr load_yaml(const std::string& text, const std::string& name, const YamlLimits& limits) {
  auto value = load_value(text, name, limits);
  const Mark mark = value->mark;
  if (value->is_string()) {
    // OmegaConf reads a file that is one text as YAML once more; a text again becomes a key without a value.
    value = load_value(value->text, name, limits);
    if (value->is_string()) {
      auto dict = Node::dict(mark);
      dict->set(value->text, Node::null(mark));
      return dict;
    }
  }
  if (value->is_null()) return Node::dict(mark);
  if (!value->is_container()) fail("yaml_error", "a config file holds a mapping or a list", mark);
  return value;
}

std::string read_text_file(const std::filesystem::path& file, std::size_t limit) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream.is_open()) fail("yaml_error", cat("cannot read the file: ", std::strerror(errno)), file.string());
  std::string text;
  std::array<char, 1U << 16U> chunk{};
  while (text.size() <= limit && (stream.read(chunk.data(), chunk.size()) || stream.gcount() > 0))
    text.append(chunk.data(), static_cast<std::size_t>(stream.gcount()));
  if (stream.bad()) fail("yaml_error", "cannot read the file", file.string());
  if (text.size() > limit) fail("yaml_error", cat("the file is larger than ", limit, " bytes"), file.string());
  return text;
}

NodePtr load_yaml_file(const std::filesystem::path& file, const YamlLimits& limits) {
  if (std::filesystem::is_directory(file)) fail("yaml_error", "this is a folder, not a file", file.string());
  return load_yaml(read_text_file(file, limits.bytes), file.string(), limits);
}

}  // namespace frugal::config
