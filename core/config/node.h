// The config tree: what YAML files and overrides hold before and after composition.
// A node is null, bool, int, float, string, bytes, list or dict, and knows where it was written.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace frugal::config {

enum class NodeKind { kNull, kBool, kInt, kFloat, kString, kBytes, kList, kDict };

// Where a value was written: a file with a 1-based line and column, or an override's text with line 0.
struct Mark {
  std::shared_ptr<const std::string> source;
  int line = 0;
  int column = 0;

  bool known() const { return source != nullptr; }
  // "conf/config.yaml:3:5", "override 'a.b=3'", or "" when unknown.
  std::string text() const;
};

// A dict key. YAML keys have types (1 and "1" differ); `text` is the canonical text of the value.
struct Key {
  NodeKind kind = NodeKind::kString;
  std::string text;

  Key() = default;
  explicit Key(std::string name) : text(std::move(name)) {}
  Key(NodeKind key_kind, std::string key_text) : kind(key_kind), text(std::move(key_text)) {}

  bool is_text() const { return kind == NodeKind::kString; }
  // Equal keys have equal identities; numbers compare by value across kinds, as in Python (1, 1.0 and True).
  std::string identity() const;
  // As a segment of a dotted key: Python's str(), so True is "True".
  std::string label() const;
};

class Node;
using NodePtr = std::shared_ptr<Node>;

// Insertion-ordered map of a dict node; constant-time look-up once it is large.
class Entries {
 public:
  using Item = std::pair<Key, NodePtr>;

  const NodePtr* find(const Key& key) const;
  // Replaces the value in place, or appends.
  void set(const Key& key, NodePtr value);
  bool erase(const Key& key);
  std::size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  std::vector<Item>::const_iterator begin() const { return items_.begin(); }
  std::vector<Item>::const_iterator end() const { return items_.end(); }

 private:
  std::ptrdiff_t position(const Key& key) const;

  std::vector<Item> items_;
  std::unordered_map<std::string, std::size_t> index_;  // kept once there are more than a few items
};

// What a slot of Hydra's own node accepts; everything of the user's tree is kAny.
enum class SlotType { kAny, kString, kInt, kBool, kRunMode, kDict, kList };

class Node {
 public:
  NodeKind kind = NodeKind::kNull;
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;            // string and bytes; the digits of an int beyond 64 bits (big == true)
  bool big = false;            // int beyond 64 bits
  std::vector<NodePtr> items;  // list
  Entries entries;             // dict
  Mark mark;

  Node* parent = nullptr;  // owner; null for a root
  Key key;                 // key or index under the parent

  SlotType slot = SlotType::kAny;
  SlotType element = SlotType::kAny;  // what items or values of this container accept
  bool optional = true;               // a typed slot that takes null
  bool closed = false;                // structured: unknown keys are refused even before struct mode

  static NodePtr null(Mark mark = {});
  static NodePtr of(bool value, Mark mark = {});
  static NodePtr of(std::int64_t value, Mark mark = {});
  static NodePtr of(double value, Mark mark = {});
  static NodePtr of(std::string value, Mark mark = {});
  static NodePtr of_digits(std::string digits, Mark mark = {});  // an int of any length, decimal
  static NodePtr list(Mark mark = {});
  static NodePtr dict(Mark mark = {});

  bool is_container() const { return kind == NodeKind::kList || kind == NodeKind::kDict; }
  bool is_dict() const { return kind == NodeKind::kDict; }
  bool is_list() const { return kind == NodeKind::kList; }
  bool is_null() const { return kind == NodeKind::kNull; }
  bool is_string() const { return kind == NodeKind::kString; }
  bool is_missing() const { return kind == NodeKind::kString && text == "???"; }
  bool is_interpolation() const { return kind == NodeKind::kString && text.find("${") != std::string::npos; }

  // Children are owned and know their parent.
  void set(const Key& name, NodePtr value);
  void set(std::string name, NodePtr value) { set(Key(std::move(name)), std::move(value)); }
  void append(NodePtr value);
  NodePtr find(std::string_view name) const;  // text key of a dict; null when absent
  NodePtr find(const Key& name) const;

  // A deep copy without a parent.
  NodePtr copy() const;
  // "a.b[0].c", from the root.
  std::string full_key() const;
  Node* root();
};

// Python's ==: numbers by value across kinds, dicts without regard to order.
bool equal(const Node& a, const Node& b);
// Python's repr of a float ("0.1", "1e-05", "inf") and str() of any scalar.
std::string float_text(double value);
std::string python_text(const Node& node);

}  // namespace frugal::config
