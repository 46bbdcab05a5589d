#include "core/config/edit.h"

#include <algorithm>

#include "core/config/did_you_mean.h"
#include "core/config/errors.h"
#include "core/config/interpolator.h"
#include "core/config/key_path.h"
#include "core/config/python.h"
#include "core/config/slots.h"

namespace frugal::config {

namespace {

std::vector<std::string> names_of(const Node& dict) {
  std::vector<std::string> names;
  for (const auto& [key, value] : dict.entries) names.push_back(key.text);
  return names;
}

[[noreturn]] void refuse_key(const Node& dict, const Key& key, const Mark& mark) {
  const auto above = dict.full_key();
  fail("key_not_in_struct", cat("there is no key '", above.empty() ? "" : above + ".", key.label(), "'"), mark,
       did_you_mean(key.text, names_of(dict)));
}

// How a dict takes keys that it does not have.
struct NewKeys {
  bool strict = false;
  bool force = false;
};

void assign(Node& dict, const Key& key, NodePtr value, NewKeys new_keys) {
  const auto existing = dict.find(key);
  if (!existing && !new_keys.force && (new_keys.strict || dict.closed)) refuse_key(dict, key, value->mark);
  if (existing) {
    value = converted(existing->slot, existing->optional, std::move(value));
    inherit_slot(*value, *existing);
  } else {
    value = converted(dict.element, true, std::move(value));
    if (dict.element != SlotType::kAny) value->slot = dict.element;
  }
  dict.set(key, std::move(value));
}

void replace_items(Node& list, const Node& source) {
  list.items.clear();
  list.mark = source.mark;
  for (const auto& item : source.items) list.append(converted(list.element, true, item->copy()));
}

void merge_containers(Node& dest, const Node& src, bool strict) {
  if (dest.is_dict() && src.is_dict()) return merge(dest, src, strict);
  if (dest.is_list() && src.is_list()) return replace_items(dest, src);
  fail("merge_conflict",
       cat("'", dest.full_key(), "' is a ", dest.is_dict() ? "dict" : "list", " and cannot be merged with a ",
           src.is_dict() ? "dict" : "list"),
       src.mark);
}

// Groups of Hydra's node are merged before the node itself, whose types then hold for what is there.
void adopt_type(Node& dict, const Key& key, const Node& typed) {
  auto child = dict.find(key);
  if (typed.slot != SlotType::kAny) {
    child = converted(typed.slot, typed.optional, std::move(child));
    inherit_slot(*child, typed);
    dict.set(key, child);
  }
  child->closed = child->closed || typed.closed;
}

}  // namespace

void merge(Node& dest, const Node& src, bool strict) {
  for (const auto& [key, value] : src.entries) {
    auto old = dest.find(key);
    if (old && old->is_interpolation()) {
      // What an interpolation to a container stands for is merged into, not replaced.
      Interpolator interpolator;
      auto* target = interpolator.try_dereference(*old);
      if (target != nullptr && target->is_container()) {
        dest.set(key, target->copy());
        old = dest.find(key);
      }
    }
    if (old && old->is_container() && value->is_container())
      merge_containers(*old, *value, strict);
    else if (!old || !value->is_missing())
      assign(dest, key, value->copy(), {.strict = strict});
    if (old) adopt_type(dest, key, *value);
  }
  dest.closed = dest.closed || src.closed;
}

namespace {

std::int64_t list_index(const Node& list, const std::string& segment, const Mark& mark) {
  const auto digits = python::parse_int(segment);
  if (!digits)
    fail("list_index", cat("'", list.full_key(), "' is a list, indexed by numbers, not '", segment, "'"), mark);
  const auto index = Node::of_digits(*digits);
  const auto size = static_cast<std::int64_t>(list.items.size());
  if (index->big || index->integer >= size || index->integer < -size)
    fail("list_index", cat("'", list.full_key(), "' has ", size, " items, so no item ", *digits), mark);
  return index->integer < 0 ? index->integer + size : index->integer;
}

void set_item(Node& list, std::int64_t index, NodePtr value) {
  value->parent = &list;
  value->key = Key(NodeKind::kInt, std::to_string(index));
  list.items[static_cast<std::size_t>(index)] = converted(list.element, true, std::move(value));
}

// The child to descend into; a missing one or a plain value becomes an empty dict.
Node& descend(Node& node, const std::string& segment, const NodePtr& value, const UpdateOptions& options) {
  if (node.is_list()) {
    const auto index = list_index(node, segment, value->mark);
    auto& item = node.items[static_cast<std::size_t>(index)];
    if (!item->is_container()) set_item(node, index, Node::dict(value->mark));
    return *node.items[static_cast<std::size_t>(index)];
  }
  const auto child = node.find(segment);
  if (!child || !child->is_container())
    assign(node, Key(segment), Node::dict(value->mark), {.strict = options.strict, .force = options.force});
  return *node.find(segment);
}

}  // namespace

void update(Node& root, const std::string& key, const NodePtr& value, const UpdateOptions& options) {
  const auto segments = split_key(key);
  Node* at = &root;
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) at = &descend(*at, segments[i], value, options);
  const auto& last = segments.back();
  const bool mergeable = options.merge_containers && value->is_container();
  if (at->is_list()) {
    const auto index = list_index(*at, last, value->mark);
    auto& item = at->items[static_cast<std::size_t>(index)];
    if (mergeable && item->is_container()) return merge_containers(*item, *value, options.strict && !options.force);
    return set_item(*at, index, value->copy());
  }
  const auto child = at->find(last);
  if (mergeable && child && child->is_container())
    return merge_containers(*child, *value, options.strict && !options.force);
  assign(*at, Key(last), value->copy(), {.strict = options.strict, .force = options.force});
}

}  // namespace frugal::config
