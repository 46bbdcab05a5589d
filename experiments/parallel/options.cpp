#include "experiments/parallel/options.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/text.h"
#include "experiments/registry.h"

namespace frugal {
namespace {

std::vector<std::string> experiments_with_ranks() {
  std::vector<std::string> names;
  for (const ExperimentInfo& info : experiment_infos())
    if (info.ranks) names.emplace_back(info.name);
  return names;
}

}  // namespace

const OptionTable<ParallelOptions>& parallel_options() {
  using O = ParallelOptions;
  static const auto table =
      OptionTable<O>("processes that share the batches of one run")
          .add("ranks", &O::ranks,
               {.help = "processes, each with its share of every batch: a GPU each with device=cuda (NCCL), started by "
                        "MPI with device=cpu",
                .min = 1,
                .max = 1 << 16})
          .add("timeout_minutes", &O::timeout_minutes,
               {.help = "for which a rank waits for the others before it ends with an error; longer than a checkpoint "
                        "or the saving of the model takes",
                .unit = "min",
                .min = 0.05,
                .max = 10000});
  return table;
}

void check_parallel(const Json& config, const Locator& where) {
  const ParallelOptions o = parallel_options().read(config.value("parallel", Json()), "parallel", where);
  if (o.ranks == 1) return;
  const auto place = [&](const char* key) { return where ? where(key) : std::string(key); };
  const Json* name = options_detail::find(config, "experiment.name");
  const std::string experiment = name != nullptr && name->is_string() ? name->get<std::string>() : "";
  const std::vector<std::string> sharing = experiments_with_ranks();
  if (std::find(sharing.begin(), sharing.end(), experiment) == sharing.end())
    throw Error(ErrorKind::kUsage, "ranks_not_supported",
                cat("experiment=", experiment, " runs in one process, and parallel.ranks is ", o.ranks),
                place("parallel.ranks"), "parallel.ranks=1; several have: " + joined(sharing, ", "));
  if (const Json* index = options_detail::find(config, "device.index"); index != nullptr && *index != 0)
    throw Error(ErrorKind::kUsage, "bad_value", "device.index names one GPU, and ranks take one each",
                place("device.index"), "device.index=0, and CUDA_VISIBLE_DEVICES for a choice of GPUs");
  const Json* batch = options_detail::find(config, "experiment.batch_size");
  if (batch == nullptr || !batch->is_number_integer() || batch->get<int64_t>() % o.ranks == 0) return;
  const int64_t size = batch->get<int64_t>(), next = (size + o.ranks - 1) / o.ranks * o.ranks;
  throw Error(
      ErrorKind::kUsage, "batch_not_divisible",
      cat("experiment.batch_size is of all ranks together, and ", size, " cannot be shared evenly by ", o.ranks),
      place("experiment.batch_size"), cat("experiment.batch_size=", next, ", or another parallel.ranks"));
}

}  // namespace frugal
