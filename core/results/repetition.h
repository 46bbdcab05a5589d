// A run and its repetition: what did not come out the same.
#pragma once

#include <string>
#include <vector>

#include "core/results/run_data.h"

namespace frugal::results {

// Where equal bits are not promised (device.deterministic is not strict): room for sums in another order, little
// enough that an accuracy over fewer than 10,000 samples may not change by one of them.
constexpr double kRepetitionTolerance = 1e-4;

struct Repetition {
  std::vector<std::string> differences;  // one a thing, as a person reads it; empty: the same
  double largest = 0;                    // largest |a - b| / max(1, |a|) of any number
};

// Compares what a repetition must give again (what content_hash covers, without the config): metrics, series, samples,
// arrays. Numbers may differ by tolerance * max(1, |a|), NaN equals NaN, all else must be equal. Arrays are compared by
// their hashes where tolerance is 0, and by type and shape else: their elements are not read.
Repetition compare_repetition(const RunData& a, const RunData& b, double tolerance);

}  // namespace frugal::results
