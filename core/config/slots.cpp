#include "core/config/slots.h"

#include <algorithm>
#include <array>

#include "core/config/errors.h"
#include "core/config/python.h"

namespace frugal::config {

namespace {

[[noreturn]] void refuse(const Node& value, std::string_view expected) {
  fail("invalid_type", cat("expected ", expected, ", found ", python_text(value)), value.mark);
}

NodePtr as_text(NodePtr value) {
  if (value->is_container() || value->kind == NodeKind::kBytes) refuse(*value, "a text");
  return value->is_string() ? value : Node::of(python_text(*value), value->mark);
}

NodePtr as_int(NodePtr value) {
  if (value->kind == NodeKind::kInt) return value;
  const auto digits = value->is_string() ? python::parse_int(value->text) : std::nullopt;
  if (!digits) refuse(*value, "an integer");
  return Node::of_digits(*digits, value->mark);
}

NodePtr as_bool(NodePtr value) {
  static constexpr std::array<std::string_view, 4> kTrue = {"yes", "y", "on", "true"};
  static constexpr std::array<std::string_view, 4> kFalse = {"no", "n", "off", "false"};
  if (value->kind == NodeKind::kBool) return value;
  if (value->kind == NodeKind::kInt) return Node::of(value->integer != 0 || value->big, value->mark);
  if (!value->is_string()) refuse(*value, "true or false");
  const auto name = python::lower(value->text);
  if (std::find(kTrue.begin(), kTrue.end(), name) != kTrue.end()) return Node::of(true, value->mark);
  if (std::find(kFalse.begin(), kFalse.end(), name) != kFalse.end()) return Node::of(false, value->mark);
  const auto digits = python::parse_int(name);
  if (!digits) refuse(*value, "true or false");
  return Node::of(*digits != "0", value->mark);
}

NodePtr as_run_mode(NodePtr value) {
  if (value->kind == NodeKind::kInt && (value->integer == 1 || value->integer == 2))
    return Node::of(std::string(value->integer == 1 ? "RUN" : "MULTIRUN"), value->mark);
  std::string name = value->is_string() ? value->text : "";
  if (name.starts_with("RunMode.")) name = name.substr(8);
  if (name != "RUN" && name != "MULTIRUN") refuse(*value, "RUN or MULTIRUN");
  return Node::of(name, value->mark);
}

}  // namespace

NodePtr converted(SlotType slot, bool optional, NodePtr value) {
  if (slot == SlotType::kAny || value->is_missing() || value->is_interpolation()) return value;
  if (value->is_null()) {
    if (!optional) refuse(*value, "a value, this one is not optional");
    return value;
  }
  switch (slot) {
    case SlotType::kString: return as_text(std::move(value));
    case SlotType::kInt: return as_int(std::move(value));
    case SlotType::kBool: return as_bool(std::move(value));
    case SlotType::kRunMode: return as_run_mode(std::move(value));
    case SlotType::kDict:
      if (!value->is_dict()) refuse(*value, "a dict");
      return value;
    default:
      if (!value->is_list()) refuse(*value, "a list");
      return value;
  }
}

void inherit_slot(Node& value, const Node& old) {
  value.slot = old.slot;
  value.optional = old.optional;
  if (old.slot == SlotType::kAny) return;
  value.element = old.element;
  for (auto& item : value.items) {
    auto typed = converted(old.element, true, item);
    typed->parent = &value;
    typed->key = item->key;
    item = std::move(typed);
  }
  if (old.element == SlotType::kAny || !value.is_dict()) return;
  std::vector<Entries::Item> entries(value.entries.begin(), value.entries.end());
  for (auto& [key, item] : entries) value.set(key, converted(old.element, true, item));
}

}  // namespace frugal::config
