#include "core/config/sweep.h"

#include <algorithm>

#include "core/config/errors.h"
#include "core/config/hydra_defaults.h"
#include "core/config/override.h"
#include "core/config/search_sweeper.h"
#include "core/config/sweep_filter.h"
#include "core/config/sweep_space.h"

namespace frugal::config {

namespace {

constexpr std::size_t kMaxJobs = 1'000'000;

// One axis of the product. Several keys that are zipped move together.
struct Dimension {
  std::vector<std::string> keys;     // "db", "+x": a later override of the same key replaces an earlier one
  std::vector<JobOverrides> values;  // one override a key
};

NodePtr hydra_value(const Composition& composition, std::string_view key) {
  return select(composition.config, cat("hydra.", key));
}

std::vector<Dimension> make_dimensions(const ComposeRequest& request, const Composition& composition) {
  const auto sources = sweep_sources(request);
  std::vector<Dimension> dimensions;
  for (const auto& item : parse_overrides(sweep_overrides(composition))) {
    Dimension dimension{.keys = {item.key_element()}, .values = {}};
    for (auto& value : sweep_values(item, sources)) dimension.values.push_back({std::move(value)});
    const auto known = std::find_if(dimensions.begin(), dimensions.end(),
                                    [&](const Dimension& other) { return other.keys == dimension.keys; });
    if (known != dimensions.end())
      *known = std::move(dimension);
    else
      dimensions.push_back(std::move(dimension));
  }
  return dimensions;
}

// Joins the axes of the named keys into one, at the place of the first.
void zip(std::vector<Dimension>& dimensions, const Node& keys) {
  Dimension* first = nullptr;
  for (const auto& key : keys.items) {
    const auto found = std::find_if(dimensions.begin(), dimensions.end(),
                                    [&](const Dimension& d) { return d.keys == std::vector{key->text}; });
    if (found == dimensions.end())
      fail("unsupported_sweep", cat("hydra.sweep.zip names '", key->text, "', which is not swept"), keys.mark);
    if (first == nullptr) {
      first = &*found;
      continue;
    }
    if (found->values.size() != first->values.size())
      fail("unsupported_sweep",
           cat("zipped keys need as many values: '", first->keys[0], "' has ", first->values.size(), ", '", key->text,
               "' has ", found->values.size()),
           keys.mark);
    for (std::size_t i = 0; i < first->values.size(); ++i) first->values[i].push_back(found->values[i][0]);
    found->keys.clear();
    found->values = {{}};
  }
  if (first != nullptr) first->keys.emplace_back("zipped");
}

void apply_zip(std::vector<Dimension>& dimensions, const Composition& composition) {
  const auto setting = hydra_value(composition, "sweep.zip");
  if (!setting || !setting->is_list() || setting->items.empty()) return;
  if (!setting->items[0]->is_list()) return zip(dimensions, *setting);
  for (const auto& keys : setting->items) zip(dimensions, *keys);
}

void add_seeds(std::vector<Dimension>& dimensions, const Composition& composition) {
  const auto setting = hydra_value(composition, "sweep.seeds");
  if (!setting || setting->is_null()) return;
  if (setting->kind != NodeKind::kInt || setting->integer < 1)
    fail("unsupported_sweep", "hydra.sweep.seeds is the number of repetitions", setting->mark);
  Dimension seeds{.keys = {"seed"}, .values = {}};
  for (std::int64_t seed = 0; seed < setting->integer; ++seed) seeds.values.push_back({cat("seed=", seed)});
  dimensions.push_back(std::move(seeds));
}

// The last axis varies fastest.
std::vector<JobOverrides> product(const std::vector<Dimension>& dimensions) {
  std::vector<JobOverrides> jobs = {{}};
  for (const auto& dimension : dimensions) {
    if (jobs.size() * dimension.values.size() > kMaxJobs)
      fail("unsupported_sweep", cat("the sweep has more than ", kMaxJobs, " jobs"));
    std::vector<JobOverrides> longer;
    for (const auto& job : jobs)
      for (const auto& value : dimension.values) {
        longer.push_back(job);
        longer.back().insert(longer.back().end(), value.begin(), value.end());
      }
    jobs = std::move(longer);
  }
  return jobs;
}

std::optional<std::int64_t> batch_size(const Composition& composition, const SweepOptions& options) {
  auto size = options.max_batch_size;
  if (const auto value = hydra_value(composition, "sweeper.max_batch_size");
      !size && value && value->kind == NodeKind::kInt)
    size = value->integer;
  if (size && *size <= 0) fail("unsupported_sweep", "max_batch_size must be positive");
  return size;
}

Composition compose_job(const ComposeRequest& request, const Composition& composition, const JobOverrides& job) {
  auto single = request;
  single.multirun = false;
  single.overrides = composition.hydra_overrides;
  single.overrides.insert(single.overrides.end(), job.begin(), job.end());
  return compose(single);
}

// Composes every job, and drops those that hydra.sweep.filter refuses.
void check_and_filter(SweepPlan& plan, const ComposeRequest& request, const Composition& composition, bool check) {
  const auto setting = hydra_value(composition, "sweep.filter");
  const bool filtered = setting && !setting->is_null();
  if (!filtered && !check) return;
  if (filtered && !setting->is_string()) fail("unsupported_sweep", "hydra.sweep.filter is a text", setting->mark);
  std::vector<JobOverrides> kept;
  for (auto& job : plan.jobs) {
    const auto composed = compose_job(request, composition, job);
    if (!filtered || passes_filter(setting->text, composed)) kept.push_back(std::move(job));
  }
  plan.jobs = std::move(kept);
}

// What the searching sweepers do not do is refused, not passed over.
void refuse_product_keys(const Composition& composition) {
  for (const char* key : {"sweep.zip", "sweep.filter", "sweep.seeds"}) {
    const auto setting = hydra_value(composition, key);
    if (!setting || setting->is_null() || (setting->is_list() && setting->items.empty())) continue;
    fail("unsupported_sweep", cat("hydra.", key, " works with hydra/sweeper=basic only"), setting->mark);
  }
}

}  // namespace

std::vector<std::shared_ptr<ConfigSource>> sweep_sources(const ComposeRequest& request) {
  std::vector<std::shared_ptr<ConfigSource>> sources = {hydra_source()};
  for (const auto& directory : request.config_dirs) sources.push_back(directory_source("main", directory));
  sources.insert(sources.end(), request.more_sources.begin(), request.more_sources.end());
  sources.push_back(schema_source());
  return sources;
}

std::vector<std::string> sweep_overrides(const Composition& composition) {
  std::vector<std::string> texts;
  if (const auto params = hydra_value(composition, "sweeper.params"); params && params->is_dict())
    for (const auto& [key, value] : params->entries) texts.push_back(cat(key.label(), "=", python_text(*value)));
  if (const auto task = hydra_value(composition, "overrides.task"); task && task->is_list())
    for (const auto& item : task->items) texts.push_back(item->text);
  return texts;
}

SweepPlan plan_sweep(const ComposeRequest& request, const SweepOptions& options) {
  auto multirun = request;
  multirun.multirun = true;
  const auto composition = compose(multirun);
  SweepPlan plan;
  if (const auto search = search_options(composition)) {
    refuse_product_keys(composition);
    plan.jobs = next_jobs(search_space(request, composition), *search, {}, search->trials);
  } else {
    auto dimensions = make_dimensions(request, composition);
    apply_zip(dimensions, composition);
    add_seeds(dimensions, composition);
    plan.jobs = product(dimensions);
  }
  const auto size = batch_size(composition, options);
  check_and_filter(plan, request, composition, options.check_jobs);
  if (!size) {
    plan.batches = {plan.jobs.size()};
  } else {
    for (std::size_t done = 0; done < plan.jobs.size(); done += static_cast<std::size_t>(*size))
      plan.batches.push_back(std::min(plan.jobs.size() - done, static_cast<std::size_t>(*size)));
  }
  return plan;
}

}  // namespace frugal::config
