// From a primary config's defaults lists to the ordered list of configs to merge.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/config/compose.h"
#include "core/config/input_default.h"
#include "core/config/override.h"
#include "core/config/repository.h"

namespace frugal::config {

// What the overrides say about groups, and what was chosen while the tree grew.
class GroupOverrides {
 public:
  GroupOverrides(const Repository& repository, const std::vector<Override>& overrides);

  const std::vector<InputDefault>& appended() const { return appended_; }
  const std::vector<const Override*>& value_overrides() const { return value_overrides_; }
  const std::vector<std::pair<std::string, NodePtr>>& known_choices() const { return known_choices_; }

  // An `override` of a defaults list; a choice made nearer to the root or on the command line stays.
  void add(const std::string& config_path, const InputDefault& entry);
  void apply(InputDefault& entry);
  // True when the entry is deleted by `~`; marks the deletion as used.
  bool take_deletion(InputDefault& entry);
  void set_known_choice(const InputDefault& entry);
  // Throws override_group_missing, delete_group_missing for what matched nothing.
  void require_all_used() const;

 private:
  struct Choice {
    bool is_options = false;
    std::optional<std::string> value{};
    std::vector<std::string> options{};
    bool external = false;
    bool used = false;
    std::string config_path{};
    Mark mark{};
  };
  struct Deletion {
    std::optional<std::string> value{};
    bool used = false;
    Mark mark{};
  };

  void add_group_override(const Override& item);

  std::vector<std::pair<std::string, Choice>> choices_;
  std::vector<std::pair<std::string, Deletion>> deletions_;
  std::vector<InputDefault> appended_;
  std::vector<const Override*> value_overrides_;
  std::vector<std::pair<std::string, NodePtr>> known_choices_;
  std::map<std::string, std::set<std::string>> known_keys_per_group_;
};

struct DefaultsResult {
  std::vector<ResultDefault> list{};
  DefaultsTree tree{};
};

// Throws config_not_found, missing_choice, duplicate_self and the other kinds of defaults lists.
DefaultsResult build_defaults(Repository& repository, const std::optional<std::string>& config_name,
                              GroupOverrides& overrides, bool skip_missing);

}  // namespace frugal::config
