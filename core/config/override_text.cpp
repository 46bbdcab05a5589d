// Values of overrides as config nodes and as text.
#include <algorithm>

#include "core/config/errors.h"
#include "core/config/override.h"
#include "core/config/python.h"
#include "core/text.h"

namespace frugal::config {

namespace {

Key to_key(const Element& element) {
  const auto& node = *element.scalar;
  if (node.is_null()) return {node.kind, "null"};
  if (node.kind == NodeKind::kBool) return {node.kind, node.boolean ? "true" : "false"};
  return {node.kind, python_text(node)};
}

std::string escaped(std::string_view text) {
  constexpr std::string_view kSpecial = "\\()[]{}:=, \t";
  std::string out;
  for (const char c : text) {
    if (kSpecial.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// Quotes inside get a backslash, and backslashes in front of any quote are doubled.
std::string with_quotes(std::string_view text, char quote) {
  std::string out(1, quote);
  std::size_t slashes = 0;
  for (const char c : text) {
    if (c == quote) {
      out += std::string(slashes, '\\');
      out += '\\';
    }
    out += c;
    slashes = c == '\\' ? slashes + 1 : 0;
  }
  return out + std::string(slashes, '\\') + quote;
}

// A glob among the values of a choice; the other sweeps have no text.
std::string glob_text(const Sweep& sweep) {
  if (sweep.type != Sweep::Type::kGlob) fail("eval_error", "a sweep has no text");
  const auto list = [](const std::vector<std::string>& patterns) { return "[" + joined(patterns, ",", escaped) + "]"; };
  return "{include:" + list(sweep.include) + ",exclude:" + list(sweep.exclude) + "}";
}

}  // namespace

void add_entry(Element& dict, Element name, Element value) {
  const auto identity = to_key(name).identity();
  for (auto& [known, old] : dict.entries)
    if (to_key(known).identity() == identity) {
      old = std::move(value);
      return;
    }
  dict.entries.emplace_back(std::move(name), std::move(value));
}

NodePtr to_node(const Element& element, const Mark& mark) {
  switch (element.kind) {
    case Element::Kind::kList: {
      auto list = Node::list(mark);
      for (const auto& item : element.items) list->append(to_node(item, mark));
      return list;
    }
    case Element::Kind::kDict: {
      auto dict = Node::dict(mark);
      for (const auto& [key, value] : element.entries) dict->set(to_key(key), to_node(value, mark));
      return dict;
    }
    case Element::Kind::kSweep:
      fail("override_merge_error", "a sweep cannot stand inside a value", mark);
    default: {
      auto node = element.scalar->copy();
      node->mark = mark;
      return node;
    }
  }
}

std::string to_text(const Element& element) {
  switch (element.kind) {
    case Element::Kind::kList:
      return "[" + joined(element.items, ",", [](const Element& e) { return to_text(e); }) + "]";
    case Element::Kind::kDict:
      return "{" +
             joined(element.entries, ",", [](const auto& e) { return to_text(e.first) + ":" + to_text(e.second); }) +
             "}";
    case Element::Kind::kQuoted:
      return with_quotes(element.scalar->text, element.quote);
    case Element::Kind::kSweep:
      return glob_text(*element.sweep);
    default:
      break;
  }
  const auto& node = *element.scalar;
  if (node.is_null()) return "null";
  return node.is_string() ? escaped(node.text) : python_text(node);
}

}  // namespace frugal::config
