#include "core/results/repetition.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/results/export.h"

namespace frugal::results {
namespace {

class Comparer {
 public:
  explicit Comparer(double tolerance) : tolerance_(tolerance) {}

  void metrics(const RunData& a, const RunData& b) {
    for (const auto& metric : a.metrics) {
      if (metric.repeat == Repeat::kMayVary) continue;
      const Metric* other = b.find_metric(metric.name);
      if (other == nullptr) {
        add(cat("metric ", metric.name, ": missing"));
      } else if (!near(metric.value, other->value)) {
        add(cat("metric ", metric.name, ": ", number_text(metric.value), ", now ", number_text(other->value)));
      } else if (!bounds_near(metric, *other)) {
        add(cat("metric ", metric.name, ": another interval, standard error, count or unit"));
      }
    }
    for (const auto& metric : b.metrics)
      if (metric.repeat == Repeat::kMustMatch && a.find_metric(metric.name) == nullptr)
        add(cat("metric ", metric.name, ": new"));
  }

  void series(const RunData& a, const RunData& b) {
    for (const auto& [name, one] : a.series) {
      if (one.repeat == Repeat::kMayVary) continue;
      const auto other = b.series.find(name);
      if (other == b.series.end()) {
        add(cat("series ", name, ": missing"));
        continue;
      }
      if (one.steps != other->second.steps) {
        add(cat("series ", name, ": ", one.steps.size(), " points, now ", other->second.steps.size(),
                ", or of other steps"));
        continue;
      }
      count("series " + name, "points", one.values.size(),
            [&](std::size_t i) { return near(one.values[i], other->second.values[i]); });
    }
    for (const auto& [name, one] : b.series)
      if (one.repeat == Repeat::kMustMatch && !a.series.contains(name)) add(cat("series ", name, ": new"));
  }

  void samples(const RunData& a, const RunData& b) {
    const auto names = [](const auto& columns) {
      std::vector<std::string> list;
      for (const auto& column : columns) list.push_back(column.name);
      return list;
    };
    if (a.samples.size() != b.samples.size())
      return add(cat("samples: ", a.samples.size(), " rows, now ", b.samples.size()));
    if (names(a.schema.columns) != names(b.schema.columns) || names(a.schema.lists) != names(b.schema.lists))
      return add("samples: other columns");
    for (std::size_t c = 0; c < a.schema.columns.size(); ++c)
      if (a.schema.columns[c].repeat == Repeat::kMustMatch)
        count("samples." + a.schema.columns[c].name, "rows", a.samples.size(),
              [&](std::size_t row) { return same(a.samples[row].cells[c], b.samples[row].cells[c]); });
    for (std::size_t c = 0; c < a.schema.lists.size(); ++c)
      if (a.schema.lists[c].repeat == Repeat::kMustMatch)
        count("samples." + a.schema.lists[c].name, "rows", a.samples.size(),
              [&](std::size_t row) { return same(a.samples[row].lists[c], b.samples[row].lists[c]); });
  }

  void arrays(const RunData& a, const RunData& b) {
    for (const auto& [name, one] : a.arrays) {
      if (one.info.repeat == Repeat::kMayVary) continue;
      const auto other = b.arrays.find(name);
      if (other == b.arrays.end())
        add(cat("array ", name, ": missing"));
      else if (one.info.dtype != other->second.info.dtype || one.info.shape != other->second.info.shape)
        add(cat("array ", name, ": another type or shape"));
      else if (tolerance_ == 0 && one.sha256 != other->second.sha256)
        add(cat("array ", name, ": other elements"));
    }
    for (const auto& [name, one] : b.arrays)
      if (one.info.repeat == Repeat::kMustMatch && !a.arrays.contains(name)) add(cat("array ", name, ": new"));
  }

  Repetition take() { return std::move(found_); }

 private:
  void add(std::string difference) { found_.differences.push_back(std::move(difference)); }

  template <typename Same>
  void count(const std::string& what, const char* unit, std::size_t size, const Same& same_at) {
    std::size_t different = 0, first = 0;
    for (std::size_t i = 0; i < size; ++i) {
      if (same_at(i)) continue;
      if (different++ == 0) first = i;
    }
    if (different > 0) add(cat(what, ": ", different, " of ", size, " ", unit, " differ, first number ", first));
  }

  bool near(double a, double b) {
    if (std::isnan(a) && std::isnan(b)) return true;
    if (a == b) return true;
    const double difference = std::abs(a - b) / std::max(1.0, std::abs(a));
    found_.largest =
        std::isfinite(difference) ? std::max(found_.largest, difference) : std::numeric_limits<double>::infinity();
    return difference <= tolerance_;
  }
  bool near(const std::optional<double>& a, const std::optional<double>& b) {
    return a.has_value() == b.has_value() && (!a || near(*a, *b));
  }
  bool bounds_near(const Metric& a, const Metric& b) {
    return a.unit == b.unit && a.count == b.count && near(a.ci_low, b.ci_low) && near(a.ci_high, b.ci_high) &&
           near(a.standard_error, b.standard_error);
  }
  bool same(const Value& a, const Value& b) {
    const auto* x = std::get_if<double>(&a);
    const auto* y = std::get_if<double>(&b);
    return x != nullptr && y != nullptr ? near(*x, *y) : static_cast<const Value::Base&>(a) == b;
  }
  // The result file pads lists with NaN, which is no difference.
  bool same(const std::vector<double>& a, const std::vector<double>& b) {
    bool all = true;
    for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i)
      all = near(i < a.size() ? a[i] : std::nan(""), i < b.size() ? b[i] : std::nan("")) && all;
    return all;
  }

  double tolerance_;
  Repetition found_;
};

}  // namespace

Repetition compare_repetition(const RunData& a, const RunData& b, double tolerance) {
  Comparer comparer(tolerance);
  comparer.metrics(a, b);
  comparer.series(a, b);
  comparer.samples(a, b);
  comparer.arrays(a, b);
  return comparer.take();
}

}  // namespace frugal::results
