#include "core/config/sweep.h"

#include <algorithm>

#include "core/config/errors.h"
#include "core/config/hydra_defaults.h"
#include "core/config/override.h"
#include "core/config/sweep_space.h"

namespace frugal::config {

namespace {

constexpr std::size_t kMaxJobs = 1'000'000;

struct Dimension {
  std::string key;                  // "db", "+x": a later override of the same key replaces an earlier one
  std::vector<std::string> values;  // whole overrides
};

std::vector<std::shared_ptr<ConfigSource>> base_sources(const ComposeRequest& request) {
  std::vector<std::shared_ptr<ConfigSource>> sources = {hydra_source()};
  for (const auto& directory : request.config_dirs) sources.push_back(directory_source("main", directory));
  sources.insert(sources.end(), request.more_sources.begin(), request.more_sources.end());
  sources.push_back(schema_source());
  return sources;
}

NodePtr sweeper_value(const Composition& composition, std::string_view key) {
  return select(composition.config, cat("hydra.sweeper.", key));
}

// hydra.sweeper.params come first, then the command line.
std::vector<std::string> sweep_overrides(const Composition& composition) {
  std::vector<std::string> texts;
  if (const auto params = sweeper_value(composition, "params"); params && params->is_dict())
    for (const auto& [key, value] : params->entries) texts.push_back(cat(key.label(), "=", python_text(*value)));
  texts.insert(texts.end(), composition.task_overrides.begin(), composition.task_overrides.end());
  return texts;
}

std::vector<Dimension> make_dimensions(const ComposeRequest& request, const Composition& composition) {
  const auto sources = base_sources(request);
  std::vector<Dimension> dimensions;
  for (const auto& item : parse_overrides(sweep_overrides(composition))) {
    Dimension dimension{item.key_element(), sweep_values(item, sources)};
    const auto known = std::find_if(dimensions.begin(), dimensions.end(),
                                    [&](const Dimension& other) { return other.key == dimension.key; });
    if (known != dimensions.end())
      *known = std::move(dimension);
    else
      dimensions.push_back(std::move(dimension));
  }
  return dimensions;
}

// The last override varies fastest.
std::vector<JobOverrides> product(const std::vector<Dimension>& dimensions) {
  std::vector<JobOverrides> jobs = {{}};
  for (const auto& dimension : dimensions) {
    if (jobs.size() * dimension.values.size() > kMaxJobs)
      fail("unsupported_sweep", cat("the sweep has more than ", kMaxJobs, " jobs"));
    std::vector<JobOverrides> longer;
    for (const auto& job : jobs)
      for (const auto& value : dimension.values) {
        longer.push_back(job);
        longer.back().push_back(value);
      }
    jobs = std::move(longer);
  }
  return jobs;
}

std::optional<std::int64_t> batch_size(const Composition& composition, const SweepOptions& options) {
  auto size = options.max_batch_size;
  if (const auto value = sweeper_value(composition, "max_batch_size"); !size && value && value->kind == NodeKind::kInt)
    size = value->integer;
  if (size && *size <= 0) fail("unsupported_sweep", "max_batch_size must be positive");
  return size;
}

void check(const ComposeRequest& request, const Composition& composition, const std::vector<JobOverrides>& jobs) {
  for (const auto& job : jobs) {
    auto single = request;
    single.multirun = false;
    single.overrides = composition.hydra_overrides;
    single.overrides.insert(single.overrides.end(), job.begin(), job.end());
    compose(single);
  }
}

}  // namespace

SweepPlan plan_sweep(const ComposeRequest& request, const SweepOptions& options) {
  auto multirun = request;
  multirun.multirun = true;
  const auto composition = compose(multirun);
  SweepPlan plan;
  plan.jobs = product(make_dimensions(request, composition));
  const auto size = batch_size(composition, options);
  if (!size) {
    plan.batches = {plan.jobs.size()};
  } else {
    for (std::size_t done = 0; done < plan.jobs.size(); done += static_cast<std::size_t>(*size))
      plan.batches.push_back(std::min(plan.jobs.size() - done, static_cast<std::size_t>(*size)));
  }
  if (options.check_jobs) check(request, composition, plan.jobs);
  return plan;
}

}  // namespace frugal::config
