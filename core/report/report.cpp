#include "core/report/report.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "core/config/did_you_mean.h"
#include "core/error.h"
#include "core/report/html.h"
#include "core/report/svg.h"
#include "core/results/export.h"

namespace frugal::report {
namespace {

using results::Metric;
using results::RunEntry;
using results::RunTable;
using results::Value;

std::string short_number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.5g", value);
  return text;
}

std::string plain(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  const double number = std::get<double>(value);
  return std::isnan(number) ? "" : results::number_text(number);
}

bool less(const Value& a, const Value& b) {
  const auto number = [](const Value& v) -> std::optional<double> {
    if (const auto* whole = std::get_if<std::int64_t>(&v)) return static_cast<double>(*whole);
    if (const auto* real = std::get_if<double>(&v)) return std::isnan(*real) ? HUGE_VAL : *real;
    return std::nullopt;
  };
  const auto left = number(a), right = number(b);
  return left && right ? *left < *right : plain(a) < plain(b);
}

class Page {
 public:
  Page(const std::vector<RunEntry>& entries, const ReportOptions& options)
      : entries_(entries), options_(options), table_(results::run_table(entries)), order_(entries.size()) {
    for (std::size_t c = 0; c < table_.columns.size(); ++c) {
      const std::string& about = table_.columns[c].description;
      if (about == "metric") metrics_.push_back(c);
      if ((about.starts_with("config: ") || about.starts_with("option chosen")) && varies(c)) settings_.push_back(c);
    }
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [this](std::size_t a, std::size_t b) {
      for (const std::size_t c : settings_) {
        if (less(table_.rows[a][c], table_.rows[b][c])) return true;
        if (less(table_.rows[b][c], table_.rows[a][c])) return false;
      }
      return entries_[a].path < entries_[b].path;
    });
  }

  std::string html() const {
    const auto damaged = std::count_if(entries_.begin(), entries_.end(), [](const auto& e) { return !e.data; });
    std::string body =
        cat("<p>", entries_.size(), " runs",
            damaged > 0 ? cat(", <span class=\"bad\">", damaged, " of them cannot be read</span>") : "", "</p>\n");
    return html_page(options_.title, body + metric_section() + pareto_section() + curve_section() + origin_section());
  }

 private:
  bool varies(std::size_t column) const {
    return std::any_of(table_.rows.begin(), table_.rows.end(),
                       [&](const auto& row) { return plain(row[column]) != plain(table_.rows[0][column]); });
  }
  std::size_t column(std::string_view name) const {
    for (std::size_t c = 0; c < table_.columns.size(); ++c)
      if (table_.columns[c].name == name) return c;
    throw Error(ErrorKind::kRunFailed, "no_column", cat("a table of runs without '", name, "'"));
  }

  // "lora, seed 3": the values that tell it from the others, else the file.
  std::string label(std::size_t run) const {
    std::string text;
    for (const std::size_t c : settings_) {
      const std::string value = plain(table_.rows[run][c]);
      if (!value.empty()) text += cat(text.empty() ? "" : ", ", table_.columns[c].name, "=", value);
    }
    return text.empty() ? entries_[run].path.string() : text;
  }

  HtmlCell metric_cell(std::size_t run, const std::string& name) const {
    const Metric* metric = entries_[run].data ? entries_[run].data->find_metric(name) : nullptr;
    if (metric == nullptr) return {.html = "", .number = true};
    std::string html = escape(short_number(metric->value));
    if (metric->ci_low && metric->ci_high)
      html += cat("<br><small>[", short_number(*metric->ci_low), ", ", short_number(*metric->ci_high), "]</small>");
    return {.html = html, .number = true};
  }

  std::string metric_section() const {
    std::vector<std::string> headings = {"run", "status"};
    headings.reserve(2 + settings_.size() + metrics_.size());
    for (const std::size_t c : settings_) headings.push_back(table_.columns[c].name);
    for (const std::size_t c : metrics_) {
      const auto& metric = table_.columns[c];
      headings.push_back(metric.unit.empty() ? metric.name : metric.name + " [" + metric.unit + "]");
    }
    const std::size_t status = column("status"), message = column("message");
    std::vector<std::vector<HtmlCell>> rows;
    for (const std::size_t run : order_) {
      const auto& values = table_.rows[run];
      const std::string state = plain(values[status]), why = plain(values[message]);
      std::vector<HtmlCell> row = {
          {escape(entries_[run].path.string())},
          {state == "done" ? state : "<span class=\"bad\">" + escape(state) + "</span> " + escape(why)}};
      for (const std::size_t c : settings_)
        row.push_back({escape(plain(values[c])), !std::holds_alternative<std::string>(values[c])});
      for (const std::size_t c : metrics_) row.push_back(metric_cell(run, table_.columns[c].name));
      rows.push_back(std::move(row));
    }
    return "<h2>Metrics</h2>\n<p><small>In brackets: 95 % intervals. Of the config, what differs between the runs."
           "</small></p>\n" +
           html_table(headings, rows);
  }

  const Metric* some_metric(const std::string& name) const {
    for (const auto& entry : entries_)
      if (const Metric* metric = entry.data ? entry.data->find_metric(name) : nullptr) return metric;
    std::vector<std::string> known;
    known.reserve(metrics_.size());
    for (const std::size_t c : metrics_) known.push_back(table_.columns[c].name);
    throw Error(ErrorKind::kUsage, "unknown_metric", cat("no run has a metric '", name, "'"), {},
                did_you_mean(name, known, "frugal results show FILE lists them"));
  }

  std::string pareto_section() const {
    if (!options_.x && !options_.y) return {};
    if (!options_.x || !options_.y) throw Error(ErrorKind::kUsage, "bad_call", "--x and --y come together");
    const Metric *x = some_metric(*options_.x), *y = some_metric(*options_.y);
    std::vector<Point> points;
    for (const std::size_t run : order_) {
      if (!entries_[run].data) continue;
      const Metric* at_x = entries_[run].data->find_metric(x->name);
      const Metric* at_y = entries_[run].data->find_metric(y->name);
      if (at_x != nullptr && at_y != nullptr && std::isfinite(at_x->value) && std::isfinite(at_y->value))
        points.push_back({.label = label(run), .x = at_x->value, .y = at_y->value});
    }
    const auto axis = [](const Metric& m) { return m.unit.empty() ? m.name : m.name + " [" + m.unit + "]"; };
    const auto better = [](const Metric& m) {
      return m.direction == results::Direction::kHigherIsBetter  ? Better::kHigher
             : m.direction == results::Direction::kLowerIsBetter ? Better::kLower
                                                                 : Better::kUnknown;
    };
    return "<h2>Pareto</h2>\n" +
           pareto_plot(y->name + " over " + x->name, {.x = axis(*x), .y = axis(*y)}, points, better(*x), better(*y));
  }

  std::string curve_section() const {
    std::map<std::string, std::vector<Curve>> curves;
    std::map<std::string, std::string> units;
    for (const std::size_t run : order_) {
      if (!entries_[run].data) continue;
      for (const auto& [name, series] : entries_[run].data->series) {
        curves[name].push_back({.label = label(run),
                                .x = std::vector<double>(series.steps.begin(), series.steps.end()),
                                .y = series.values});
        units[name] = series.unit;
      }
    }
    if (curves.empty()) return {};
    std::string html = "<h2>Curves</h2>\n";
    for (const auto& [name, lines] : curves)
      html += curve_plot(name, {.x = "step", .y = units[name].empty() ? name : name + " [" + units[name] + "]"}, lines);
    return html;
  }

  std::string origin_section() const {
    std::string html = "<h2>Provenance</h2>\n";
    for (const std::size_t run : order_) {
      const RunEntry& entry = entries_[run];
      html += "<details><summary>" + escape(entry.path.string()) + "</summary>\n";
      if (!entry.data) {
        html += "<p class=\"bad\">" + escape(entry.error) + "</p></details>\n";
        continue;
      }
      std::vector<std::vector<HtmlCell>> facts = {{{"run_id"}, {escape(entry.data->open.run_id)}}};
      for (const auto& [key, value] : entry.data->provenance) facts.push_back({{escape(key)}, {escape(value)}});
      html += html_table({"fact", "value"}, facts);
      std::vector<std::vector<HtmlCell>> inputs;
      for (const auto& input : entry.data->inputs)
        inputs.push_back(
            {{escape(input.role)}, {escape(input.path)}, {std::to_string(input.bytes), true}, {escape(input.sha256)}});
      if (!inputs.empty()) html += html_table({"input", "path", "bytes", "sha256"}, inputs);
      html += "<pre>" + escape(entry.data->open.config_yaml) + "</pre></details>\n";
    }
    return html;
  }

  const std::vector<RunEntry>& entries_;
  const ReportOptions& options_;
  RunTable table_;
  std::vector<std::size_t> order_, settings_, metrics_;
};

}  // namespace

std::string html_report(const std::vector<RunEntry>& entries, const ReportOptions& options) {
  return Page(entries, options).html();
}

}  // namespace frugal::report
