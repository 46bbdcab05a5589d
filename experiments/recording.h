// Metrics that several experiments record alike.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "core/run/worker_loop.h"

namespace frugal {

// The mean over samples with its standard error and a bootstrap interval. sample_column: which holds the values; "" for
// none.
void record_mean(run::RunContext& run, const std::string& name, const std::vector<double>& values,
                 results::Direction direction, const std::string& sample_column = {});

double seconds_since(std::chrono::steady_clock::time_point begin);
// A duration, which may be another one when the run is repeated.
void record_seconds(run::RunContext& run, const std::string& name, double seconds);

}  // namespace frugal
