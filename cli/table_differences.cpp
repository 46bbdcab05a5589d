#include "cli/table_differences.h"

#include <algorithm>
#include <map>
#include <vector>

#include "core/results/run_file.h"
#include "metrics/by_name.h"
#include "metrics/statistics.h"

namespace frugal::cli {
namespace {

namespace fs = std::filesystem;

struct Scored {
  std::vector<results::Value> ids;
  std::vector<double> targets, predictions;
};

double number(const results::Value& value) {
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto* whole = std::get_if<int64_t>(&value)) return static_cast<double>(*whole);
  return std::get<bool>(value) ? 1 : 0;
}

// The column of samples that a metric scores.
const char* prediction_column(const std::string& metric) {
  return metric == "acc_norm" ? "prediction_norm" : "prediction";
}

// Samples by file and column: each is read once, whatever number of columns of the table it serves.
class Samples {
 public:
  explicit Samples(fs::path folder) : folder_(std::move(folder)) {}

  // Null where the run scored no predictions.
  const Scored* of(const std::string& file, const char* column) {
    const auto [found, is_new] = read_.try_emplace({file, column});
    if (is_new) found->second = read(folder_ / file, column);
    return found->second.ids.empty() ? nullptr : &found->second;
  }

 private:
  static Scored read(const fs::path& file, const char* column) {
    const results::RunData data = results::read_run_file(file);
    const auto id = data.column("id"), prediction = data.column(column), target = data.column("target");
    Scored scored;
    if (!id || !prediction || !target) return scored;
    for (const auto& sample : data.samples) {
      scored.ids.push_back(sample.cells[*id]);
      scored.targets.push_back(number(sample.cells[*target]));
      scored.predictions.push_back(number(sample.cells[*prediction]));
    }
    return scored;
  }

  fs::path folder_;
  std::map<std::pair<std::string, std::string>, Scored> read_;
};

// The runs' samples, if all of them scored the same ones.
std::vector<const Scored*> matching(Samples& samples, const std::vector<std::string>& files, const char* column,
                                    const Scored* first) {
  std::vector<const Scored*> all;
  for (const auto& file : files) {
    const Scored* scored = samples.of(file, column);
    if (scored == nullptr || (first != nullptr && scored->ids != first->ids)) return {};
    if (first == nullptr) first = scored;
    all.push_back(scored);
  }
  return all;
}

// The samples of one cell of two rows; nothing where they cannot be compared.
std::optional<metrics::PairedSet> paired_set(Samples& samples, const report::TableColumn& column,
                                             const report::Cell& cell, const report::Cell& baseline) {
  const char* predictions = prediction_column(column.metric);
  const auto theirs = matching(samples, baseline.runs, predictions, nullptr);
  if (theirs.empty()) return std::nullopt;
  const auto ours = matching(samples, cell.runs, predictions, theirs.front());
  if (ours.empty()) return std::nullopt;
  // Harness's names of the accuracy of either prediction.
  const std::string metric = column.metric == "acc" || column.metric == "acc_norm" ? "accuracy" : column.metric;
  if (!metrics::score_by_name(metric, ours[0]->targets, ours[0]->predictions)) return std::nullopt;
  const auto statistic = [ours, theirs, metric, factor = column.factor](size_t system, size_t run,
                                                                        std::span<const uint32_t> indices) {
    const Scored& scored = *(system == 0 ? ours : theirs)[run];
    std::vector<double> targets, predictions;
    for (const uint32_t i : indices) {
      targets.push_back(scored.targets[i]);
      predictions.push_back(scored.predictions[i]);
    }
    return metrics::score_by_name(metric, targets, predictions).value() * factor;
  };
  return metrics::PairedSet{
      .n = ours[0]->ids.size(), .runs_a = ours.size(), .runs_b = theirs.size(), .statistic = statistic};
}

using Cells = std::map<std::string, report::Cell>;

std::optional<report::Difference> difference(Samples& samples, const report::TableSpec& spec,
                                             const report::TableColumn& column, const Cells& row,
                                             const Cells& baseline) {
  std::vector<metrics::PairedSet> sets;
  for (const auto& part : spec.columns) {
    const bool wanted = column.average_of.empty() ? part.name == column.name
                                                  : std::find(column.average_of.begin(), column.average_of.end(),
                                                              part.name) != column.average_of.end();
    if (!wanted) continue;
    auto set = paired_set(samples, part, row.at(part.name), baseline.at(part.name));
    if (!set) return std::nullopt;
    sets.push_back(std::move(*set));
  }
  const auto result = metrics::paired_bootstrap(sets);
  return report::Difference{
      .value = result.difference, .low = result.interval.low, .high = result.interval.high, .p_value = result.p_value};
}

}  // namespace

void add_differences(report::PaperTable& table, const fs::path& folder) {
  Samples samples(folder);
  for (const std::string& baseline : table.spec.baselines) {
    const auto reference = table.cells.find(baseline);
    if (reference == table.cells.end()) continue;
    for (auto& [row, cells] : table.cells) {
      if (row == baseline) continue;
      for (const auto& column : table.spec.columns)
        if (const auto found = difference(samples, table.spec, column, cells, reference->second))
          cells[column.name].versus[baseline] = *found;
    }
  }
}

}  // namespace frugal::cli
