#include "core/config/compose.h"

#include <algorithm>

#include "core/config/apply_overrides.h"
#include "core/config/defaults_tree.h"
#include "core/config/edit.h"
#include "core/config/errors.h"
#include "core/config/hydra_defaults.h"
#include "core/config/interpolator.h"
#include "core/config/key_path.h"
#include "core/config/override.h"
#include "core/config/repository.h"
#include "core/log.h"

namespace frugal::config {

namespace {

namespace fs = std::filesystem;
using Sources = std::vector<std::shared_ptr<ConfigSource>>;

Sources user_sources(const ComposeRequest& request) {
  Sources sources = {hydra_source()};
  for (std::size_t i = 0; i < request.config_dirs.size(); ++i) {
    auto source = directory_source(i == 0 ? "main" : "command-line", request.config_dirs[i]);
    if (i == 0 && !source->available())
      fail("config_not_found", "there is no such config directory", request.config_dirs[i].string());
    sources.push_back(std::move(source));
  }
  sources.insert(sources.end(), request.more_sources.begin(), request.more_sources.end());
  return sources;
}

void refuse_sweeps(const std::vector<Override>& overrides, bool multirun) {
  for (const auto& item : overrides) {
    if (!item.is_sweep()) continue;
    if (multirun && item.is_hydra()) fail("unsupported_sweep", "Hydra's own config cannot be swept", item.mark());
    if (!multirun && item.value_kind == ValueKind::kChoiceList)
      fail("sweep_requires_multirun", "several values stand here, which is a sweep", item.mark(),
           "key=[a,b] is a list, key='a,b' a text, and --multirun sweeps");
    if (!multirun) fail("sweep_requires_multirun", "this is a sweep", item.mark(), "--multirun sweeps");
  }
}

std::shared_ptr<ConfigSource> searchpath_source(const std::string& provider, const Node& item) {
  const auto scheme = item.text.find("://");
  if (scheme == std::string::npos) return directory_source(provider, item.text);
  if (item.text.starts_with("file://")) return directory_source(provider, item.text.substr(7));
  if (item.text.starts_with("pkg://")) return nullptr;  // a Python package: not readable from here
  fail("override_merge_error", cat("there is no config source for '", item.text.substr(0, scheme), "://'"), item.mark);
}

// hydra.searchpath of the command line, else of the primary config, extends the sources.
Sources with_searchpath(Sources sources, Repository& repository, const std::optional<std::string>& config_name,
                        const std::vector<Override>& overrides) {
  NodePtr list;
  std::string provider = "hydra.searchpath in main";
  if (const auto* primary = config_name ? repository.load(*config_name) : nullptr) {
    if (!primary->config->is_dict())
      fail("invalid_defaults", "the primary config must be a mapping", primary->config->mark);
    if (const auto hydra = primary->config->find("hydra"); hydra && hydra->is_dict()) list = hydra->find("searchpath");
  }
  for (const auto& item : overrides)
    if (item.key_element() == "hydra.searchpath") {
      list = to_node(item.value, item.mark());
      provider = "hydra.searchpath in command-line";
      break;
    }
  if (!list || list->is_null() || list->is_missing()) return sources;
  const bool texts = list->is_list() && std::all_of(list->items.begin(), list->items.end(),
                                                    [](const NodePtr& item) { return item->is_string(); });
  if (!texts) fail("override_merge_error", "hydra.searchpath is a list of texts", list->mark);
  Interpolator interpolator;
  for (const auto& item : list->items) {
    auto source = searchpath_source(provider, *interpolator.dereference(*item));
    if (!source || !source->available()) log::warning(provider, ": '", item->text, "' is not available");
    if (source) sources.push_back(std::move(source));
  }
  return sources;
}

// The config under its package: "db.backup" wraps it twice.
NodePtr embedded(const NodePtr& config, const std::string& package) {
  if (package.empty()) return config;
  auto root = Node::dict(config->mark);
  update(*root, package, config, {.merge_containers = false});
  return root;
}

NodePtr merged(const std::vector<ResultDefault>& defaults, Repository& repository) {
  auto config = Node::dict();
  for (const auto& item : defaults) {
    const auto* loaded = repository.load(item.config_path);
    const auto part = embedded(loaded->config, item.package);
    if (!item.primary && item.config_path != kHydraConfig && part->is_dict())
      if (const auto hydra = part->find("hydra"); hydra && hydra->is_dict())
        if (const auto path = hydra->find("searchpath"); path && !path->is_null() && !path->is_missing())
          fail("invalid_defaults", "hydra.searchpath can be set in the primary config only", path->mark);
    try {
      if (!part->is_dict()) fail("merge_conflict", "a list cannot be merged into the config", part->mark);
      merge(*config, *part, false);
    } catch (const Error& error) {
      fail("override_merge_error", cat("in '", item.config_path, "': ", error.message()), error.where(), error.hint());
    }
  }
  return config;
}

std::string text_at(Node& node, std::string_view key) {
  const auto* value = Interpolator().select(node, key, false).value;
  return value != nullptr && value->is_string() ? value->text : std::string();
}

// Override lines sorted and joined: the part of a folder's name that tells jobs apart.
std::string override_dirname(Node& config, const std::vector<Override>& overrides) {
  const std::string prefix = "hydra.job.config.override_dirname.";
  const auto kv_separator = text_at(config, prefix + "kv_sep");
  const auto item_separator = text_at(config, prefix + "item_sep");
  const auto excluded =
      config.find("hydra")->find("job")->find("config")->find("override_dirname")->find("exclude_keys");
  std::vector<std::string> lines;
  for (const auto& item : overrides) {
    if (item.is_hydra()) continue;
    const bool exclude = std::any_of(excluded->items.begin(), excluded->items.end(),
                                     [&](const NodePtr& key) { return key->text == item.key; });
    if (!exclude) lines.push_back(item.text);
  }
  std::sort(lines.begin(), lines.end());
  std::string out;
  for (const auto& line : lines) {
    if (!out.empty()) out += item_separator;
    out += line;
  }
  std::string replaced;
  for (const char c : out) replaced += c == '=' ? kv_separator : std::string(1, c);
  return replaced;
}

NodePtr source_list(const std::vector<SearchPathEntry>& entries) {
  auto list = Node::list();
  for (const auto& [provider, path] : entries) {
    const auto scheme = path.find("://");
    auto item = Node::dict();
    item->set("path", Node::of(path.substr(scheme + 3)));
    item->set("schema", Node::of(path.substr(0, scheme)));
    item->set("provider", Node::of(provider));
    list->append(std::move(item));
  }
  return list;
}

void set_text(Node& node, const std::string& key, std::string value) {
  update(node, key, Node::of(std::move(value)), {.force = true});
}

// What Hydra fills in at run time.
void fill_runtime(Composition& out, const ComposeRequest& request, const std::vector<Override>& overrides) {
  const auto hydra = out.config->find("hydra");
  if (!hydra || !hydra->is_dict()) return;
  for (const auto& item : overrides) {
    (item.is_hydra() ? out.hydra_overrides : out.task_overrides).push_back(item.text);
    hydra->find("overrides")->find(item.is_hydra() ? "hydra" : "task")->append(Node::of(item.text));
  }
  const auto choices = hydra->find("runtime")->find("choices");
  for (const auto& [group, option] : out.choices) choices->set(group, option->copy());
  for (const auto& name : hydra->find("job")->find("env_copy")->items) {
    const char* value = std::getenv(name->text.c_str());
    if (value == nullptr)
      fail("interpolation_resolution", cat("the environment variable '", name->text, "' is not set"), name->mark);
    hydra->find("job")->find("env_set")->set(name->text, Node::of(std::string(value)));
  }
  set_text(*hydra, "runtime.version", std::string(kHydraVersion));
  set_text(*hydra, "runtime.version_base", std::string(kHydraVersionBase));
  set_text(*hydra, "runtime.cwd", fs::current_path().string());
  update(*hydra, "runtime.config_sources", source_list(out.search_path), {.force = true, .merge_containers = false});
  const auto name = hydra->find("job")->find("name");
  if (!name || name->is_missing()) set_text(*hydra, "job.name", request.job_name);
  if (request.job_number) {
    update(*hydra, "job.num", Node::of(*request.job_number), {.force = true});
    set_text(*hydra, "job.id", cat("job_id_for_", *request.job_number));
  }
  set_text(*hydra, "job.override_dirname", override_dirname(*out.config, overrides));
  update(*hydra, "job.config_name", request.config_name ? Node::of(*request.config_name) : Node::null(),
         {.force = true});
}

}  // namespace

Composition compose(const ComposeRequest& request) {
  auto sources = user_sources(request);
  const auto overrides = parse_overrides(request.overrides);
  Repository repository([&] {
    auto all = sources;
    all.push_back(schema_source());
    return all;
  }());
  sources = with_searchpath(std::move(sources), repository, request.config_name, overrides);
  sources.push_back(schema_source());
  repository.set_sources(sources);
  refuse_sweeps(overrides, request.multirun);

  Composition out;
  GroupOverrides groups(repository, overrides);
  auto defaults = build_defaults(repository, request.config_name, groups, request.multirun);
  groups.require_all_used();
  out.defaults = std::move(defaults.list);
  out.defaults_tree = std::move(defaults.tree);
  out.choices = groups.known_choices();
  for (const auto& source : sources) out.search_path.push_back({source->provider(), source->path()});
  out.config = merged(out.defaults, repository);
  apply_overrides(*out.config, groups.value_overrides());
  fill_runtime(out, request, overrides);
  return out;
}

std::string Composition::where(std::string_view dotted_key) const {
  const Node* at = config.get();
  if (!dotted_key.empty())
    for (const auto& segment : split_key(dotted_key)) {
      const Node* next = nullptr;
      if (at->is_dict()) next = at->find(segment).get();
      if (at->is_list() && !segment.empty() && segment.size() < 10 &&
          segment.find_first_not_of("0123456789") == std::string::npos && std::stoul(segment) < at->items.size())
        next = at->items[std::stoul(segment)].get();
      if (next == nullptr) return {};
      at = next;
    }
  return at->mark.text();
}

}  // namespace frugal::config
