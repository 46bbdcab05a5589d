#include <algorithm>

#include "core/config/defaults_tree.h"
#include "core/config/did_you_mean.h"
#include "core/config/errors.h"
#include "core/text.h"

namespace frugal::config {

namespace {

template <typename Pairs>
auto find_key(Pairs& pairs, const std::string& key) {
  return std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == key; });
}

}  // namespace

GroupOverrides::GroupOverrides(const Repository& repository, const std::vector<Override>& overrides) {
  for (const auto& item : overrides) {
    if (item.is_sweep()) continue;
    if (item.value.kind == Element::Kind::kDict || !repository.group_exists(item.key))
      value_overrides_.push_back(&item);
    else
      add_group_override(item);
  }
}

void GroupOverrides::add_group_override(const Override& item) {
  const auto mark = item.mark();
  if (item.type == OverrideType::kForceAdd)
    fail("force_add_group", cat("'", item.key, "' is a config group, and ++ is for values"), mark,
         cat("+", item.text.substr(2), " adds it to the defaults list"));
  const bool has_value = item.value_kind != ValueKind::kNone;
  const bool is_list = has_value && item.value.kind == Element::Kind::kList;
  const bool is_text = has_value && item.value.scalar && item.value.scalar->is_string();
  if (item.type == OverrideType::kDelete) {
    const bool is_null = !has_value || (item.value.scalar && item.value.scalar->is_null());
    if (!is_null && !is_text)
      fail("group_value_not_string", cat("the option of the group '", item.key, "' to delete must be a text"), mark);
    const auto key = item.key_element().substr(1);
    Deletion deletion{.value = is_text ? std::optional(item.value.scalar->text) : std::nullopt, .mark = mark};
    if (const auto known = find_key(deletions_, key); known != deletions_.end())
      known->second = std::move(deletion);
    else
      deletions_.emplace_back(key, std::move(deletion));
    return;
  }
  if (!is_list && !is_text)
    fail("group_value_not_string", cat("'", item.key, "' is a config group, so its option is a text or a list of them"),
         mark);
  Choice choice{.is_options = is_list, .external = true, .mark = mark};
  if (is_text) choice.value = item.value.scalar->text;
  for (const auto& option : item.value.items) {
    if (!option.scalar || !option.scalar->is_string())
      fail("group_value_not_string", cat("an option of the group '", item.key, "' must be a text"), mark);
    choice.options.push_back(option.scalar->text);
  }
  if (item.type == OverrideType::kAdd) {
    InputDefault entry;
    entry.kind = InputDefault::Kind::kGroup;
    entry.path = item.key;
    entry.package = item.package == "_here_" ? std::optional<std::string>("") : item.package;
    entry.value = choice.value;
    entry.is_options = choice.is_options;
    entry.options = choice.options;
    entry.external_append = true;
    entry.mark = mark;
    appended_.push_back(std::move(entry));
    return;
  }
  const auto key = item.key_element();
  if (const auto known = find_key(choices_, key); known != choices_.end())
    known->second = std::move(choice);
  else
    choices_.emplace_back(key, std::move(choice));
}

void GroupOverrides::add(const std::string& config_path, const InputDefault& entry) {
  const auto key = entry.override_key();
  if (find_key(choices_, key) != choices_.end()) return;
  choices_.emplace_back(key, Choice{.is_options = entry.is_options,
                                    .value = entry.value,
                                    .options = entry.options,
                                    .config_path = config_path,
                                    .mark = entry.mark});
}

void GroupOverrides::apply(InputDefault& entry) {
  if (entry.kind != InputDefault::Kind::kGroup) return;
  const auto known = find_key(choices_, entry.override_key());
  if (known == choices_.end()) return;
  auto& choice = known->second;
  entry.is_options = choice.is_options;
  entry.value = choice.value;
  entry.options = choice.options;
  entry.mark = choice.mark;
  choice.used = true;
}

bool GroupOverrides::take_deletion(InputDefault& entry) {
  if (entry.kind != InputDefault::Kind::kGroup) return false;
  const auto known = find_key(deletions_, entry.override_key());
  if (known == deletions_.end()) return false;
  auto& deletion = known->second;
  if (deletion.value && deletion.value != entry.value) return false;
  deletion.used = true;
  entry.deleted = true;
  return true;
}

void GroupOverrides::set_known_choice(const InputDefault& entry) {
  if (entry.kind != InputDefault::Kind::kGroup) return;
  const auto key = entry.override_key();
  const auto value = entry.value ? Node::of(*entry.value, entry.mark) : Node::null(entry.mark);
  const auto known = find_key(known_choices_, key);
  if (known == known_choices_.end())
    known_choices_.emplace_back(key, value);
  else if (!equal(*known->second, *value))
    fail("multiple_values_for_group",
         cat("the group '", key, "' is chosen twice, as '", python_text(*known->second), "' and as '",
             python_text(*value), "'"),
         entry.mark, cat("to replace the first choice write 'override ", key, ": ", python_text(*value), "'"));
  known_keys_per_group_[entry.group_path()].insert(key);
}

void GroupOverrides::require_all_used() const {
  for (const auto& [key, choice] : choices_) {
    if (choice.used) continue;
    const auto group = known_keys_per_group_.find(key.substr(0, key.find('@')));
    std::string message = cat("nothing in the defaults list is overridden by '", key, "'");
    if (!choice.config_path.empty()) message = cat("in '", choice.config_path, "': ", message);
    std::string hint = choice.external ? cat("+", key, "=", choice.value.value_or(""), " adds it") : std::string();
    if (group != known_keys_per_group_.end()) {
      hint = cat("did you mean ", joined(group->second, ", "), "?");
    } else if (choice.external) {
      std::vector<std::string> names;
      names.reserve(known_keys_per_group_.size());
      for (const auto& [name, keys] : known_keys_per_group_) names.push_back(name);
      hint = did_you_mean(key, names, std::move(hint));
    }
    fail("override_group_missing", message, choice.mark, hint);
  }
  for (const auto& [key, deletion] : deletions_)
    if (!deletion.used)
      fail("delete_group_missing",
           cat("nothing in the defaults list is deleted by '", key, deletion.value ? "=" + *deletion.value : "", "'"),
           deletion.mark);
}

}  // namespace frugal::config
