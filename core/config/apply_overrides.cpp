#include "core/config/apply_overrides.h"

#include "core/config/edit.h"
#include "core/config/errors.h"
#include "core/config/interpolation.h"
#include "core/config/interpolator.h"
#include "core/config/key_path.h"

namespace frugal::config {

namespace {

// What OmegaConf.select gives: null for an absent key, a null value and `???` alike.
Node* selected(Interpolator& interpolator, Node& config, const std::string& key) {
  try {
    auto* value = interpolator.select(config, key, false).value;
    return value == nullptr || value->is_missing() || value->is_null() ? nullptr : value;
  } catch (const Error& error) {
    if (error.code() == "not_a_container") return nullptr;
    throw;
  }
}

void remove(Node& config, const Override& item) {
  Interpolator interpolator;
  const auto* value = selected(interpolator, config, item.key);
  if (value == nullptr) fail("delete_missing", cat("there is no '", item.key, "' to delete"), item.mark());
  if (item.value_kind == ValueKind::kElement) {
    const auto expected = to_node(item.value, item.mark());
    if (!expected->is_null() && !equal(*expected, *value))
      fail("delete_value_mismatch",
           cat("'", item.key, "' is ", python_text(*value), " and not ", python_text(*expected)), item.mark());
  }
  const auto dot = item.key.rfind('.');
  Node* parent = &config;
  if (dot != std::string::npos) parent = interpolator.select(config, item.key.substr(0, dot), false).value;
  const auto last = dot == std::string::npos ? item.key : item.key.substr(dot + 1);
  if (parent->is_list()) fail("list_index", "an item of a list cannot be deleted", item.mark());
  if (parent->closed) fail("invalid_type", cat("'", item.key, "' belongs to Hydra's own config and stays"), item.mark());
  if (!parent->entries.erase(Key(last))) fail("list_index", cat("there is no key '", item.key, "'"), item.mark());
}

void check_texts(const Node& node) {
  if (node.is_interpolation()) check_interpolation(node.text, node.mark);
  for (const auto& child : node.items) check_texts(*child);
  for (const auto& [key, child] : node.entries) check_texts(*child);
}

void apply(Node& config, const Override& item) {
  if (item.type == OverrideType::kDelete) return remove(config, item);
  const auto value = to_node(item.value, item.mark());
  check_texts(*value);
  if (item.type == OverrideType::kAdd && !value->is_container()) {
    Interpolator interpolator;
    if (selected(interpolator, config, item.key) != nullptr)
      fail("add_key_exists", cat("there is a value at '", item.key, "' already"), item.mark(),
           cat(item.text.substr(1), " changes it, +", item.text, " adds or changes"));
  }
  const bool add = item.type == OverrideType::kAdd || item.type == OverrideType::kForceAdd;
  update(config, item.key, value, {.strict = !add, .force = add});
}

bool is_own_kind(const Error& error) {
  return error.code() == "delete_missing" || error.code() == "delete_value_mismatch" || error.code() == "add_key_exists";
}

}  // namespace

void apply_overrides(Node& config, const std::vector<const Override*>& overrides) {
  for (const auto* item : overrides) {
    if (item->package)
      fail("override_group_missing", cat("there is no config group '", item->key, "'"), item->mark());
    try {
      apply(config, *item);
    } catch (const Error& error) {
      if (is_own_kind(error)) throw;
      const bool plain = item->type == OverrideType::kChange;
      if (plain && error.code() == "key_not_in_struct")
        fail("override_key_missing", error.message(), item->mark(),
             error.hint().empty() ? cat("+", item->text, " adds it") : cat(error.hint(), " or +", item->text, " to add it"));
      fail("override_merge_error", error.message(), item->mark(), error.hint());
    }
  }
}

}  // namespace frugal::config
