#include "core/config/defaults_tree.h"

#include <algorithm>

#include "core/config/did_you_mean.h"
#include "core/config/errors.h"
#include "core/config/hydra_defaults.h"
#include "core/config/interpolator.h"
#include "core/text.h"

namespace frugal::config {

namespace {

constexpr int kMaxDepth = 100;

struct TreeNode {
  InputDefault entry;
  TreeNode* parent = nullptr;
  std::vector<std::unique_ptr<TreeNode>> children;
};

class TreeBuilder {
 public:
  TreeBuilder(Repository& repository, GroupOverrides& overrides, bool skip_missing)
      : repository_(repository), overrides_(overrides), skip_missing_(skip_missing) {}

  // The primary config is expanded first, so that its `override hydra/...` entries are known to Hydra's own list.
  TreeNode build(const std::optional<std::string>& config_name) {
    TreeNode root;
    root.entry.kind = InputDefault::Kind::kVirtualRoot;
    for (const auto& path : {std::string(kHydraConfig), config_name.value_or(std::string(kEmptyConfig))}) {
      auto child = std::make_unique<TreeNode>();
      child->parent = &root;
      child->entry.path = path;
      child->entry.primary = path != kHydraConfig;
      root.children.push_back(std::move(child));
    }
    for (auto child = root.children.rbegin(); child != root.children.rend(); ++child)
      expand(**child, (*child)->entry.primary, false);
    return root;
  }

 private:
  void expand(TreeNode& node, bool is_root, bool interpolated) {
    if (++depth_ > kMaxDepth)
      fail("invalid_defaults", cat("'", node.entry.config_path(), "' includes itself without end"), node.entry.mark);
    expand_config(node, is_root, interpolated);
    --depth_;
  }

  void expand_config(TreeNode& node, bool is_root, bool interpolated) {
    auto& entry = node.entry;
    if (is_root && !repository_.config_exists(entry.config_path())) not_found(node);
    if (!entry.is_missing() && !(entry.kind == InputDefault::Kind::kGroup && !entry.value)) {
      const auto* loaded = repository_.load(entry.config_path());
      if (loaded != nullptr && loaded->package_header) entry.set_package_header(*loaded->package_header);
    }
    if (overrides_.take_deletion(entry)) return;
    overrides_.set_known_choice(entry);
    if (!entry.name()) return;
    if (entry.config_path().ends_with("???")) {
      if (!skip_missing_) missing_choice(entry);
      return;
    }
    const auto* loaded = repository_.load(entry.config_path());
    if (loaded == nullptr) {
      if (!entry.optional) not_found(node);
      entry.deleted = true;
      return;
    }
    auto defaults = loaded->defaults;
    const bool self_added = complete(defaults, entry, is_root);
    check_overrides(defaults, entry, interpolated);
    add_children(node, defaults, interpolated);
    resolve_interpolated(node, defaults, self_added);
  }

  // Adds `_self_` where the list does not name it, and what the command line appends. True when `_self_` was absent.
  bool complete(std::vector<InputDefault>& defaults, const InputDefault& entry, bool is_root) const {
    const auto& appended = overrides_.appended();
    bool self_added = false;
    if (!defaults.empty() || (is_root && !appended.empty())) {
      const auto selves = std::count_if(defaults.begin(), defaults.end(), [](const auto& d) { return d.is_self(); });
      if (selves > 1)
        fail("duplicate_self", cat("in '", entry.config_path(), "': _self_ stands twice in the defaults list"),
             defaults.front().mark);
      const bool only_overrides =
          std::all_of(defaults.begin(), defaults.end(), [](const auto& d) { return d.override; });
      self_added = selves == 0;
      if (defaults.empty() || (self_added && !only_overrides)) {
        InputDefault self;
        self.path = "_self_";
        defaults.push_back(self);
      }
    }
    if (is_root) defaults.insert(defaults.end(), appended.begin(), appended.end());
    return self_added;
  }

  void check_overrides(std::vector<InputDefault>& defaults, const InputDefault& parent, bool interpolated) {
    const InputDefault* last_override = nullptr;
    for (auto& entry : defaults) {
      if (entry.is_self()) continue;
      entry.set_parent(parent.group_path(), parent.final_package());
      if (last_override != nullptr && !entry.override && !entry.external_append)
        fail("bad_defaults_override_order",
             cat("in '", parent.config_path(), "': 'override ", last_override->override_key(), "' stands before '",
                 entry.config_path(), "'"),
             entry.mark, "overrides stand at the end of the defaults list");
      if (!entry.override) continue;
      last_override = &entry;
      if (interpolated)
        fail("defaults_interpolation_error",
             cat("in '", parent.config_path(), "': a config chosen by interpolation cannot override '",
                 entry.override_key(), "'"),
             entry.mark);
      overrides_.add(parent.config_path(), entry);
    }
  }

  void add_child(TreeNode& parent, InputDefault entry, bool interpolated) {
    auto child = std::make_unique<TreeNode>();
    child->parent = &parent;
    child->entry = std::move(entry);
    if (!child->entry.is_self() && !child->entry.is_interpolation()) expand(*child, false, interpolated);
    parent.children.push_back(std::move(child));
  }

  // From the last to the first: a later choice of the same group must be known when an earlier one is reached.
  void add_children(TreeNode& node, const std::vector<InputDefault>& defaults, bool interpolated) {
    const auto& parent = node.entry;
    for (auto entry = defaults.rbegin(); entry != defaults.rend(); ++entry) {
      auto item = *entry;
      if (item.is_self()) {
        item.set_parent(parent.parent_base_dir, parent.declared_package().value_or(""));
        add_child(node, std::move(item), interpolated);
      } else if (!item.override) {
        item.set_parent(parent.group_path(), parent.final_package());
        overrides_.apply(item);
        item.is_options ? add_options(node, item, interpolated) : add_child(node, std::move(item), interpolated);
      }
    }
    std::reverse(node.children.begin(), node.children.end());
  }

  void add_options(TreeNode& node, const InputDefault& group, bool interpolated) {
    for (auto option = group.options.rbegin(); option != group.options.rend(); ++option) {
      if (option->find("${") != std::string::npos)
        fail("defaults_interpolation_error",
             cat("in '", node.entry.config_path(), "': an option in a list cannot be an interpolation"), group.mark);
      InputDefault entry;
      entry.path = group.path + "/" + *option;
      entry.package = group.package;
      entry.optional = group.optional;
      entry.mark = group.mark;
      entry.set_parent(node.entry.group_path(), node.entry.final_package());
      add_child(node, std::move(entry), interpolated);
    }
  }

  // Options that depend on other choices wait until those are made.
  void resolve_interpolated(TreeNode& node, const std::vector<InputDefault>& defaults, bool self_added) {
    const bool some = std::any_of(node.children.begin(), node.children.end(),
                                  [](const auto& child) { return child->entry.is_interpolation(); });
    if (!some) return;
    const auto context = choices_context(defaults, self_added);
    for (auto child = node.children.rbegin(); child != node.children.rend(); ++child) {
      auto& entry = (*child)->entry;
      if (!entry.is_interpolation() || !(*child)->children.empty()) continue;
      resolve_entry(entry, context);
      entry.set_parent(node.entry.group_path(), node.entry.final_package());
      expand(**child, false, true);
    }
  }

  // group -> option, and `defaults` with the list itself.
  NodePtr choices_context(const std::vector<InputDefault>& defaults, bool self_added) const {
    auto context = Node::dict();
    for (const auto& [key, value] : overrides_.known_choices()) context->set(key, value->copy());
    auto list = Node::list();
    for (const auto& entry : defaults) {
      if (self_added && entry.is_self()) continue;
      if (entry.kind == InputDefault::Kind::kConfig) {
        list->append(Node::of(entry.config_path()));
      } else {
        auto item = Node::dict();
        item->set(entry.override_key(), entry.value ? Node::of(*entry.value) : Node::null());
        list->append(std::move(item));
      }
    }
    context->set("defaults", std::move(list));
    return context;
  }

  void resolve_entry(InputDefault& entry, const NodePtr& context) {
    const bool is_group = entry.kind == InputDefault::Kind::kGroup;
    auto text = is_group ? *entry.value : entry.config_path();
    constexpr std::string_view kOldForm = "${defaults.";
    if (is_group && text.starts_with(kOldForm) && text.size() > kOldForm.size() + 1 && text[kOldForm.size()] >= '0' &&
        text[kOldForm.size()] <= '9' && text[kOldForm.size() + 1] == '.')
      fail("defaults_interpolation_error", cat("'", text, "' is a form that Hydra has given up"), entry.mark,
           "${GROUP} names the option of a group");
    auto holder = Node::of(text, entry.mark);
    holder->parent = context.get();
    Interpolator interpolator;
    Node* value = nullptr;
    std::string why;
    try {
      value = interpolator.dereference(*holder);
    } catch (const Error& error) {
      why = error.message();
    }
    if (value == nullptr || !value->is_string()) {
      const std::string keys = joined(overrides_.known_choices(), ", ", [](const auto& known) { return known.first; });
      fail("defaults_interpolation_error",
           cat("cannot resolve '", text, "' in the defaults list", why.empty() ? "" : ": ", why), entry.mark,
           keys.empty() ? "" : "known keys: " + keys);
    }
    if (is_group)
      entry.value = value->text;
    else
      entry.path = value->text;
  }

  [[noreturn]] void missing_choice(const InputDefault& entry) const {
    if (entry.kind != InputDefault::Kind::kGroup)
      fail("invalid_defaults", cat("'", entry.config_path(), "' in the defaults list is not set yet"), entry.mark);
    const std::string options = joined(repository_.list(entry.group_path(), ObjectType::kConfig), ", ");
    fail("missing_choice", cat("an option must be chosen for '", entry.override_key(), "'"), entry.mark,
         cat(entry.override_key(), "=OPTION, one of ", options));
  }

  [[noreturn]] void not_found(const TreeNode& node) const {
    const auto& entry = node.entry;
    const bool is_group = entry.kind == InputDefault::Kind::kGroup;
    const auto group = entry.group_path();
    const auto options = repository_.list(group, ObjectType::kConfig);
    std::string hint = did_you_mean(entry.name().value_or(""), options);
    if (hint.empty() && is_group && !options.empty()) {
      hint = cat("options of '", group, "':");
      for (const auto& option : options) hint += " " + option;
    }
    std::string searched;
    for (const auto& source : repository_.sources())
      if (!source->path().starts_with("pkg://") && !source->path().starts_with("structured://"))
        searched += (searched.empty() ? "" : ", ") + source->path();
    fail("config_not_found",
         cat(entry.primary ? "there is no primary config '" : "there is no config '", entry.config_path(), "' in ",
             searched.empty() ? "an empty search path" : searched),
         entry.mark, hint);
  }

  Repository& repository_;
  GroupOverrides& overrides_;
  bool skip_missing_;
  int depth_ = 0;
};

void collect(const TreeNode& node, std::vector<ResultDefault>& out) {
  if (!node.children.empty()) {
    for (const auto& child : node.children) collect(*child, out);
    return;
  }
  const auto& entry = node.entry;
  if (entry.kind == InputDefault::Kind::kVirtualRoot || entry.deleted || entry.is_missing() || !entry.name()) return;
  const auto* parent = node.parent;
  ResultDefault result;
  if (entry.is_self()) {
    result.config_path = parent->entry.config_path();
    result.is_self = true;
    if (parent->parent != nullptr) result.parent = parent->parent->entry.config_path();
    result.package = parent->entry.final_package();
    result.primary = parent->entry.primary;
  } else {
    result.config_path = entry.config_path();
    if (parent != nullptr) result.parent = parent->entry.config_path();
    result.package = entry.final_package();
    if (entry.kind == InputDefault::Kind::kGroup) result.override_key = entry.override_key();
    result.primary = entry.primary;
  }
  if (result.config_path != kEmptyConfig) out.push_back(std::move(result));
}

void refuse_duplicates(const std::vector<ResultDefault>& list) {
  std::set<std::string> keys;
  for (const auto& item : list)
    if (!item.is_self && item.override_key && !keys.insert(*item.override_key).second)
      fail("duplicate_default", cat("'", *item.override_key, "' stands twice in the final defaults list"));
}

std::string label(const InputDefault& entry) {
  if (entry.kind == InputDefault::Kind::kVirtualRoot) return "<root>";
  if (entry.kind == InputDefault::Kind::kConfig) return entry.path;
  return entry.override_key() + ": " + entry.value.value_or("null");
}

DefaultsTree describe(const TreeNode& node) {
  DefaultsTree out{.label = label(node.entry)};
  for (const auto& child : node.children) out.children.push_back(describe(*child));
  return out;
}

}  // namespace

DefaultsResult build_defaults(Repository& repository, const std::optional<std::string>& config_name,
                              GroupOverrides& overrides, bool skip_missing) {
  const auto root = TreeBuilder(repository, overrides, skip_missing).build(config_name);
  DefaultsResult result{.tree = describe(root)};
  collect(root, result.list);
  refuse_duplicates(result.list);
  return result;
}

}  // namespace frugal::config
