#include "experiments/profile/options.h"

#include <algorithm>

#include "core/error.h"

namespace frugal {
namespace {

// Each cell has about ten metrics a subject, and an earliest-format HDF5 table of metrics holds some hundred columns.
constexpr size_t kMostCells = 24;

[[noreturn]] void bad_value(const std::string& key, const std::string& message, const Locator& where,
                            const std::string& hint = {}) {
  throw Error(ErrorKind::kUsage, "bad_value", message, where ? where("experiment." + key) : "experiment." + key, hint);
}

template <typename T>
void check_list(const std::string& key, const std::vector<T>& values, const Locator& where) {
  if (values.empty()) bad_value(key, cat("'", key, "' must name at least one"), where);
  for (auto value = values.begin(); value != values.end(); ++value)
    if (std::find(values.begin(), value, *value) != value)
      bad_value(key, cat("'", key, "' names ", *value, " twice"), where);
}

void check_sizes(const std::string& key, const std::vector<int64_t>& values, const Locator& where) {
  check_list(key, values, where);
  for (const int64_t value : values)
    if (value < 1 || value > (1 << 20))
      bad_value(key, cat("'", key, "' must lie between 1 and ", 1 << 20, ", found ", value), where);
}

}  // namespace

const OptionTable<ProfileOptions>& profile_options() {
  using O = ProfileOptions;
  static const auto table =
      OptionTable<O>("latency and memory of a model with a method")
          .add("family", &O::family,
               {.help = "kind of model: who makes the inputs", .choices = {"text_encoder", "language_model"}})
          .add(
              "modes", &O::modes,
              {.help = "text_encoder: forward (no gradient), train_step (forward, backward, clipping, optimiser step); "
                       "language_model: prefill (a cache takes prompts of `lengths` tokens), decode (`new_tokens` "
                       "greedy steps on a cache that holds `lengths` random tokens a sequence)"})
          .add("batch_sizes", &O::batch_sizes, {.help = "examples a call, one cell each", .min = 1, .max = 1 << 20})
          .add("lengths", &O::lengths,
               {.help = "length of every sequence, one cell each", .unit = "tokens", .min = 1, .max = 1 << 20})
          .add("new_tokens", &O::new_tokens,
               {.help = "steps of a call of decode", .unit = "tokens", .min = 1, .max = 1 << 20})
          .add("graph", &O::graph, {.help = "decode replays a CUDA graph of the step; without effect on the CPU"})
          .add("labels", &O::labels, {.help = "classes of the head; 1: regression", .min = 1, .max = 1 << 20})
          .add("precision", &O::precision,
               {.help = "of the layers' arithmetic; a language model has its weights and cache in it",
                .choices = {"fp32", "tf32", "bf16", "fp16"}})
          .add("warmup", &O::warmup, {.help = "first calls that count as cold", .min = 0})
          .add("min_samples", &O::min_samples, {.help = "least steady samples", .min = 1})
          .add("max_samples", &O::max_samples, {.help = "most steady samples", .min = 1, .max = 10'000'000})
          .add("min_seconds", &O::min_seconds, {.help = "least time in steady samples", .unit = "s", .min = 0})
          .add("time_limit", &O::time_limit,
               {.help = "most time for a cell, the baseline's included", .unit = "s", .min = 0.001})
          .add("relative_spread", &O::relative_spread,
               {.help = "stop when the 95 % interval of the median is within +- this share of it", .min = 1e-6})
          .add("believable_spread", &O::believable_spread,
               {.help = "a figure known less well than this is INVALID", .min = 1e-6})
          .add("baseline", &O::baseline,
               {.help = "measured in turns with the model: none, plain (no method; training all weights), or a method: "
                        "method@experiment.baseline=lora"})
          .add("trace", &O::trace,
               {.help = "calls of each cell and subject to trace after its measurement, to trace/ in the run's folder "
                        "(Chrome's format); 0: none",
                .min = 0,
                .max = 1000});
  return table;
}

void check_profile(const Json& node, const Locator& where) {
  const ProfileOptions o = profile_options().read(node, "experiment", where);
  check_list("modes", o.modes, where);
  const bool language = o.family == "language_model";
  const std::string one = language ? "prefill" : "forward", other = language ? "decode" : "train_step";
  for (const auto& mode : o.modes)
    if (mode != one && mode != other)
      bad_value("modes", cat("'modes' of a ", o.family, " may name ", one, " and ", other, ", found '", mode, "'"),
                where);
  check_sizes("batch_sizes", o.batch_sizes, where);
  check_sizes("lengths", o.lengths, where);
  if (o.max_samples < o.min_samples) bad_value("max_samples", "'max_samples' is less than 'min_samples'", where);
  if (const size_t cells = o.modes.size() * o.batch_sizes.size() * o.lengths.size(); cells > kMostCells)
    bad_value("batch_sizes", cat(cells, " cells (modes x batch sizes x lengths); one run holds at most ", kMostCells),
              where, "a sweep: frugal run -m experiment.lengths=[128],[512]");
  const bool text = o.baseline.is_string() && (o.baseline == "none" || o.baseline == "plain");
  if (!text && !o.baseline.is_object())
    bad_value("baseline", cat("'baseline' must be none, plain or a method's keys, found ", o.baseline.dump()), where,
              "method@experiment.baseline=lora");
}

}  // namespace frugal
