// One cell of a profile: a mode at a size, for the model and its baseline; and how it is recorded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/profile/measure.h"
#include "core/results/recorder.h"
#include "experiments/profile/workload.h"
#include "experiments/trace.h"

namespace frugal {

struct CellMemory {
  int64_t activation_bytes = 0;  // highest in the call beyond what was there before it
  int64_t static_bytes = 0;      // Workload::static_bytes
  int64_t peak_bytes = 0;        // static + inputs + activations: of this subject alone, whatever else is loaded
};

struct CellSubject {
  std::string name;  // "model", "baseline"
  CellMemory memory;
  TokenCounts tokens;
  profile::Measurement latency;
  std::optional<double> joules;      // a call
  std::optional<TraceCounts> trace;  // experiment.trace
};

struct Cell {
  std::string mode;
  Size size;
  std::vector<CellSubject> subjects;        // the model, then its baseline
  std::optional<profile::Summary> speedup;  // time of the baseline over time of the model, pair by pair

  std::string name() const;  // "forward/b8/s128"
};

void declare_cells(results::Recorder& recorder);
// Rows of /samples and /timing, and metrics.
void record_cell(const Cell& cell, const profile::Rule& rule, results::Recorder& recorder);

}  // namespace frugal
