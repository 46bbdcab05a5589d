#include "core/config/node.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/config/python.h"
#include "core/error.h"

namespace frugal::config {

namespace {

// Below this many items a scan is faster than hashing.
constexpr std::size_t kIndexFrom = 12;

}  // namespace

std::string Mark::text() const {
  if (!source) return {};
  return line > 0 ? cat(*source, ":", line, ":", column) : *source;
}

std::string Key::identity() const {
  switch (kind) {
    case NodeKind::kString: return "s" + text;
    case NodeKind::kBytes: return "b" + text;
    case NodeKind::kNull: return "n";
    case NodeKind::kBool: return text == "true" ? "i1" : "i0";
    case NodeKind::kFloat: {
      const auto value = python::parse_float(text);
      if (value && std::isfinite(*value) && *value == std::floor(*value) && std::abs(*value) < 1e15)
        return "i" + std::to_string(static_cast<std::int64_t>(*value));
      return "f" + text;
    }
    default: return "i" + text;
  }
}

std::string Key::label() const {
  if (kind == NodeKind::kBool) return text == "true" ? "True" : "False";
  if (kind == NodeKind::kNull) return "None";
  return text;
}

std::ptrdiff_t Entries::position(const Key& key) const {
  const std::string identity = key.identity();
  if (!index_.empty()) {
    const auto found = index_.find(identity);
    return found == index_.end() ? -1 : static_cast<std::ptrdiff_t>(found->second);
  }
  for (std::size_t i = 0; i < items_.size(); ++i)
    if (items_[i].first.identity() == identity) return static_cast<std::ptrdiff_t>(i);
  return -1;
}

const NodePtr* Entries::find(const Key& key) const {
  const auto at = position(key);
  return at < 0 ? nullptr : &items_[static_cast<std::size_t>(at)].second;
}

void Entries::set(const Key& key, NodePtr value) {
  const auto at = position(key);
  if (at >= 0) {
    items_[static_cast<std::size_t>(at)].second = std::move(value);
    return;
  }
  items_.emplace_back(key, std::move(value));
  if (!index_.empty()) {
    index_.emplace(key.identity(), items_.size() - 1);
  } else if (items_.size() >= kIndexFrom) {
    for (std::size_t i = 0; i < items_.size(); ++i) index_.emplace(items_[i].first.identity(), i);
  }
}

bool Entries::erase(const Key& key) {
  const auto at = position(key);
  if (at < 0) return false;
  items_.erase(items_.begin() + at);
  index_.clear();
  if (items_.size() >= kIndexFrom)
    for (std::size_t i = 0; i < items_.size(); ++i) index_.emplace(items_[i].first.identity(), i);
  return true;
}

namespace {

NodePtr make(NodeKind kind, Mark mark) {
  auto node = std::make_shared<Node>();
  node->kind = kind;
  node->mark = std::move(mark);
  return node;
}

}  // namespace

NodePtr Node::null(Mark mark) {
  return make(NodeKind::kNull, std::move(mark));
}

NodePtr Node::of(bool value, Mark mark) {
  auto node = make(NodeKind::kBool, std::move(mark));
  node->boolean = value;
  return node;
}

NodePtr Node::of(std::int64_t value, Mark mark) {
  auto node = make(NodeKind::kInt, std::move(mark));
  node->integer = value;
  return node;
}

NodePtr Node::of(double value, Mark mark) {
  auto node = make(NodeKind::kFloat, std::move(mark));
  node->real = value;
  return node;
}

NodePtr Node::of(std::string value, Mark mark) {
  auto node = make(NodeKind::kString, std::move(mark));
  node->text = std::move(value);
  return node;
}

NodePtr Node::of_digits(std::string digits, Mark mark) {
  auto node = make(NodeKind::kInt, std::move(mark));
  const auto* end = digits.data() + digits.size();
  const auto [rest, status] = std::from_chars(digits.data(), end, node->integer);
  if (status != std::errc() || rest != end) {
    node->big = true;
    node->text = std::move(digits);
  }
  return node;
}

NodePtr Node::list(Mark mark) {
  return make(NodeKind::kList, std::move(mark));
}

NodePtr Node::dict(Mark mark) {
  return make(NodeKind::kDict, std::move(mark));
}

void Node::set(const Key& name, NodePtr value) {
  value->parent = this;
  value->key = name;
  entries.set(name, std::move(value));
}

void Node::append(NodePtr value) {
  value->parent = this;
  value->key = Key(NodeKind::kInt, std::to_string(items.size()));
  items.push_back(std::move(value));
}

NodePtr Node::find(std::string_view name) const {
  return find(Key(std::string(name)));
}

NodePtr Node::find(const Key& name) const {
  if (kind != NodeKind::kDict) return nullptr;
  const auto* found = entries.find(name);
  return found ? *found : nullptr;
}

NodePtr Node::copy() const {
  auto node = std::make_shared<Node>();
  node->kind = kind;
  node->boolean = boolean;
  node->integer = integer;
  node->real = real;
  node->text = text;
  node->big = big;
  node->mark = mark;
  node->key = key;
  node->slot = slot;
  node->element = element;
  node->optional = optional;
  node->closed = closed;
  for (const auto& item : items) node->append(item->copy());
  for (const auto& [name, value] : entries) node->set(name, value->copy());
  return node;
}

std::string Node::full_key() const {
  if (!parent) return {};
  std::string above = parent->full_key();
  if (parent->is_list()) return above + "[" + key.label() + "]";
  return above.empty() ? key.label() : above + "." + key.label();
}

Node* Node::root() {
  Node* node = this;
  while (node->parent) node = node->parent;
  return node;
}

namespace {

bool is_number(const Node& node) {
  return node.kind == NodeKind::kBool || node.kind == NodeKind::kInt || node.kind == NodeKind::kFloat;
}

bool equal_numbers(const Node& a, const Node& b) {
  if (a.big || b.big) return a.big && b.big && a.text == b.text;
  const auto integer = [](const Node& n) { return n.kind == NodeKind::kBool ? std::int64_t{n.boolean} : n.integer; };
  if (a.kind != NodeKind::kFloat && b.kind != NodeKind::kFloat) return integer(a) == integer(b);
  const auto real = [&](const Node& n) {
    return n.kind == NodeKind::kFloat ? n.real : static_cast<double>(integer(n));
  };
  return real(a) == real(b);
}

}  // namespace

bool equal(const Node& a, const Node& b) {
  if (is_number(a) && is_number(b)) return equal_numbers(a, b);
  if (a.kind != b.kind) return false;
  if (a.is_list())
    return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(),
                      [](const NodePtr& x, const NodePtr& y) { return equal(*x, *y); });
  if (a.is_dict())
    return a.entries.size() == b.entries.size() &&
           std::all_of(a.entries.begin(), a.entries.end(), [&](const Entries::Item& item) {
             const auto other = b.find(item.first);
             return other && equal(*item.second, *other);
           });
  return a.is_null() || a.text == b.text;
}

std::string float_text(double value) {
  return python::float_repr(value);
}

std::string python_text(const Node& node) {
  switch (node.kind) {
    case NodeKind::kNull: return "None";
    case NodeKind::kBool: return node.boolean ? "True" : "False";
    case NodeKind::kInt: return node.big ? node.text : std::to_string(node.integer);
    case NodeKind::kFloat: return python::float_repr(node.real);
    case NodeKind::kString: return node.text;
    default: return python::repr(node);
  }
}

}  // namespace frugal::config
