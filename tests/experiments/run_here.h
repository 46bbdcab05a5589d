// Runs a job in this process, as a worker would, and gives what it recorded.
#pragma once

#include <gtest/gtest.h>

#include "core/results/journal.h"
#include "core/results/run_data.h"
#include "core/run/worker_loop.h"
#include "experiments/registry.h"
#include "models/nn/memory.h"
#include "tests/support/temp_folder.h"

namespace frugal::test {

struct HereResult {
  run::JobResult result;
  results::RunData data;
};

// ranks: the group to run in, whose only rank this is.
inline HereResult run_here(const nlohmann::json& config, run::Ranks* ranks = nullptr) {
  memory::install_cpu_accounting();
  const TempFolder folder;
  HereResult here;
  here.result = run::run_job({.id = "test", .run_dir = folder.path(), .config = config}, run_experiment, {}, ranks);
  here.data = results::replay_file(folder.path() / results::kJournalName).data;
  return here;
}

// A random encoder of four layers, width 32.
inline nlohmann::json tiny_model() {
  return {{"name", "text_encoder"},
          {"architecture", "bert"},
          {"config",
           {{"vocab_size", 32},
            {"hidden_size", 32},
            {"num_hidden_layers", 4},
            {"num_attention_heads", 4},
            {"intermediate_size", 64},
            {"max_position_embeddings", 32},
            {"initializer_range", 0.3}}}};
}

inline nlohmann::json one_thread() {
  return {{"type", "cpu"}, {"threads", 1}};
}

}  // namespace frugal::test
