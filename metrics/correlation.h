// Correlation of scores, equal to scipy.stats on the same input.
// Every function: Error(kUsage, "metric_input") for uneven spans or fewer than 2 entries.
// NaN when an input is constant or holds a NaN, as scipy has it: callers report it, they do not hide it.
#pragma once

#include <span>
#include <vector>

namespace frugal::metrics {

using Scores = std::span<const double>;

double pearson(Scores x, Scores y);
// Pearson of the ranks; ties get the mean of their ranks.
double spearman(Scores x, Scores y);
// Ranks from 1, ties averaged (scipy.stats.rankdata).
std::vector<double> average_ranks(Scores x);

}  // namespace frugal::metrics
