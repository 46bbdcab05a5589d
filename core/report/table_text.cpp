#include "core/report/table_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "core/error.h"
#include "core/io/utf8.h"
#include "core/report/html.h"
#include "core/results/export.h"
#include "core/text.h"

namespace frugal::report {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::string fixed(double value, int64_t digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", static_cast<int>(digits), value);
  return text;
}

bool has_figures(CellStatus status) {
  return status == CellStatus::kMeasured || status == CellStatus::kSmallScale;
}

// The status that every cell with figures has, if there is one such: it is said once, below the table.
std::optional<CellStatus> shared_status(const PaperTable& table) {
  std::set<CellStatus> found;
  for (const auto& [row, cells] : table.cells)
    for (const auto& [column, cell] : cells)
      if (has_figures(cell.status)) found.insert(cell.status);
  return found.size() == 1 ? std::optional(*found.begin()) : std::nullopt;
}

std::string cell_text(const TableColumn& column, const Cell& cell, std::optional<CellStatus> shared) {
  std::string text;
  if (cell.paper) text = cat("paper ", fixed(cell.paper->value, column.digits), "; ");
  if (const auto mean = cell.mean()) {
    text += fixed(*mean, column.digits);
    if (const auto spread = cell.spread() ? cell.spread() : cell.error()) text += " ± " + fixed(*spread, column.digits);
  }
  if (!cell.mean() && has_figures(cell.status)) return text + "–";  // the method has no such figure
  if (cell.status != shared || !cell.mean())
    text += cat(text.empty() || text.ends_with(" ") ? "" : " ", name(cell.status));
  if (const std::string judged = verdict(column, cell); !judged.empty()) text += cat(" (", judged, ")");
  return text;
}

std::string heading(const TableColumn& column, const PaperTable& table) {
  std::string unit = column.unit;
  for (const auto& [row, cells] : table.cells)
    if (const auto cell = cells.find(column.name); unit.empty() && cell != cells.end()) unit = cell->second.unit;
  return unit.empty() ? column.title : cat(column.title, " (", unit, ")");
}

std::vector<std::vector<std::string>> grid(const PaperTable& table) {
  const auto shared = shared_status(table);
  std::vector<std::vector<std::string>> lines(1);
  lines[0].emplace_back("");
  for (const auto& column : table.spec.columns) lines[0].push_back(heading(column, table));
  for (const size_t r : table.shown) {
    const TableRow& row = table.spec.rows[r];
    std::vector<std::string>& line = lines.emplace_back();
    line.push_back(row.title);
    for (const auto& column : table.spec.columns)
      line.push_back(cell_text(column, table.cells.at(row.name).at(column.name), shared));
  }
  return lines;
}

// Differences to the baselines in the columns that sum a table up: the averages, else all that have some.
std::vector<std::string> difference_lines(const PaperTable& table) {
  const auto& columns = table.spec.columns;
  const bool averages =
      std::any_of(columns.begin(), columns.end(), [](const auto& c) { return !c.average_of.empty(); });
  std::vector<std::string> lines;
  for (const TableColumn& column : columns) {
    if (averages && column.average_of.empty()) continue;
    std::map<std::string, std::string> by_baseline;
    for (const size_t r : table.shown)
      for (const auto& [baseline, d] : table.cells.at(table.spec.rows[r].name).at(column.name).versus) {
        std::string& line = by_baseline[baseline];
        line += cat(line.empty() ? "" : "; ", table.spec.rows[r].name, " ", fixed(d.value, column.digits), " [",
                    fixed(d.low, column.digits), ", ", fixed(d.high, column.digits), "]");
      }
    for (const auto& [baseline, line] : by_baseline)
      lines.push_back(cat(column.name, " minus ", baseline, "'s, 95 % interval: ", line));
  }
  return lines;
}

bool has_errors(const PaperTable& table) {
  for (const auto& [row, cells] : table.cells)
    for (const auto& [column, cell] : cells)
      if (cell.error()) return true;
  return false;
}

// Lines below the table: what the figures are, what was chosen, what is missing and why, what was checked.
std::vector<std::string> remarks(const PaperTable& table) {
  std::vector<std::string> lines;
  if (const auto shared = shared_status(table)) lines.push_back(cat("Status of all figures: ", name(*shared), "."));
  lines.push_back(cat("Scale ", table.scale, "; ", table.spec.seeds.size(),
                      table.spec.seeds.size() > 1 ? " seeds: mean ± standard deviation"
                      : has_errors(table)         ? " seed: value ± standard error over samples"
                                                  : " seed",
                      "."));
  if (!table.spec.left_out.empty())
    lines.push_back(cat("Rows of another scale: ", joined(table.spec.left_out, ", "), "."));
  for (const auto& [key, value] : table.facts) lines.push_back(cat(key, ": ", value));
  std::map<std::string, std::vector<std::string>> missing;
  for (const size_t r : table.shown)
    for (const auto& column : table.spec.columns) {
      const TableRow& row = table.spec.rows[r];
      const Cell& cell = table.cells.at(row.name).at(column.name);
      if (!has_figures(cell.status) && !cell.reason.empty() && column.average_of.empty())
        missing[cat(name(cell.status), ": ", cell.reason)].push_back(cat(row.name, "/", column.name));
      if (!cell.chosen.empty() && column.average_of.empty())
        missing[cat("chosen ", cell.chosen)].push_back(cat(row.name, "/", column.name));
    }
  for (const auto& [reason, cells] : missing) {
    const std::string list = joined(std::span(cells).first(std::min<size_t>(cells.size(), 8)), ", ");
    lines.push_back(cat(reason, " (", list, cells.size() > 8 ? cat(" and ", cells.size() - 8, " more") : "", ")"));
  }
  const auto differences = difference_lines(table);
  lines.insert(lines.end(), differences.begin(), differences.end());
  for (const CheckResult& check : run_checks(table)) lines.push_back(cat("check: ", check.text));
  lines.insert(lines.end(), table.notes.begin(), table.notes.end());
  return lines;
}

std::string title(const PaperTable& table) {
  return cat(table.spec.paper, table.spec.paper.empty() ? "" : ", ", table.spec.number,
             table.spec.number.empty() ? "" : ": ", table.spec.caption);
}

}  // namespace

std::string table_markdown(const PaperTable& table) {
  const auto lines = grid(table);
  std::vector<size_t> widths(lines[0].size(), 3);
  for (const auto& line : lines)
    for (size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], io::code_points(line[c]));
  std::string text = cat("**", title(table), "**\n\n");
  for (size_t l = 0; l < lines.size(); ++l) {
    for (size_t c = 0; c < lines[l].size(); ++c) {
      const std::string blanks(widths[c] - io::code_points(lines[l][c]), ' ');
      text += c == 0 ? cat("| ", lines[l][c], blanks) : cat(" | ", blanks, lines[l][c]);
    }
    text += " |\n";
    if (l > 0) continue;
    for (size_t c = 0; c < widths.size(); ++c) text += "|" + std::string(widths[c] + 1, '-') + (c == 0 ? "-" : ":");
    text += "|\n";
  }
  text += "\n";
  for (const auto& line : remarks(table)) text += cat("* ", line, "\n");
  return text;
}

std::string table_html(const PaperTable& table) {
  const auto lines = grid(table);
  std::string text = cat("<!doctype html>\n<meta charset=\"utf-8\">\n<title>", escape(title(table)),
                         "</title>\n<style>body{font-family:sans-serif}table{border-collapse:collapse}"
                         "td,th{padding:.2em .7em;border-bottom:1px solid #ccc;text-align:right}"
                         "td:first-child,th:first-child{text-align:left}</style>\n<h1>",
                         escape(title(table)), "</h1>\n<table>\n");
  for (size_t l = 0; l < lines.size(); ++l) {
    text += "<tr>";
    const char* tag = l == 0 ? "th" : "td";
    for (const auto& cell : lines[l]) text += cat("<", tag, ">", escape(cell), "</", tag, ">");
    text += "</tr>\n";
  }
  text += "</table>\n<ul>\n";
  for (const auto& line : remarks(table)) text += cat("<li>", escape(line), "</li>\n");
  return text + "</ul>\n";
}

std::string table_csv(const PaperTable& table) {
  results::RunTable flat;
  const auto text = [](const char* name) {
    return results::Column{.name = name, .type = results::ColumnType::kString};
  };
  flat.columns = {text("row"),       text("column"),    text("status"), {.name = "mean"},  {.name = "std"},
                  {.name = "error"}, {.name = "seeds"}, text("unit"),   {.name = "paper"}, text("certainty"),
                  text("verdict"),   text("chosen"),    text("reason")};
  for (const size_t r : table.shown)
    for (const auto& column : table.spec.columns) {
      const TableRow& row = table.spec.rows[r];
      const Cell& cell = table.cells.at(row.name).at(column.name);
      flat.rows.push_back({row.name, column.name, std::string(name(cell.status)), cell.mean().value_or(kNaN),
                           cell.spread().value_or(kNaN), cell.error().value_or(kNaN),
                           static_cast<double>(cell.values.size()), cell.unit, cell.paper ? cell.paper->value : kNaN,
                           cell.paper ? cell.paper->certainty : std::string(), verdict(column, cell), cell.chosen,
                           cell.reason});
    }
  return results::to_text(flat, results::TextFormat::kCsv);
}

std::string table_json(const PaperTable& table) {
  using Ordered = nlohmann::ordered_json;
  Ordered out = {{"table", table.spec.name},
                 {"paper", table.spec.paper},
                 {"number", table.spec.number},
                 {"caption", table.spec.caption},
                 {"source", table.spec.source},
                 {"scale", table.scale},
                 {"seeds", table.spec.seeds},
                 {"facts", table.facts},
                 {"notes", table.notes},
                 {"overrides", table.overrides},
                 {"left_out", table.spec.left_out},
                 {"rows", Ordered::array()},
                 {"checks", Ordered::array()}};
  for (const size_t r : table.shown) {
    const TableRow& row = table.spec.rows[r];
    Ordered cells = Ordered::object();
    for (const auto& column : table.spec.columns) {
      const Cell& cell = table.cells.at(row.name).at(column.name);
      Ordered one = {{"status", name(cell.status)}, {"values", cell.values}, {"unit", cell.unit}, {"runs", cell.runs}};
      if (const auto mean = cell.mean()) one["mean"] = *mean;
      if (const auto spread = cell.spread()) one["std"] = *spread;
      if (!cell.errors.empty()) one["errors"] = cell.errors;
      if (cell.paper) one["paper"] = {{"value", cell.paper->value}, {"certainty", cell.paper->certainty}};
      if (const std::string judged = verdict(column, cell); !judged.empty()) one["verdict"] = judged;
      for (const auto& [baseline, d] : cell.versus)
        one["versus"][baseline] = {{"difference", d.value}, {"low", d.low}, {"high", d.high}, {"p_value", d.p_value}};
      if (!cell.chosen.empty()) one["chosen"] = cell.chosen;
      if (!cell.reason.empty()) one["reason"] = cell.reason;
      cells[column.name] = std::move(one);
    }
    out["rows"].push_back({{"name", row.name}, {"title", row.title}, {"cells", std::move(cells)}});
    if (const auto stages = table.stages.find(row.name); stages != table.stages.end())
      out["rows"].back()["stages"] = stages->second;
  }
  for (const CheckResult& check : run_checks(table))
    out["checks"].push_back({{"text", check.text}, {"holds", check.holds}});
  return out.dump(1, ' ', false, Ordered::error_handler_t::replace) + "\n";
}

}  // namespace frugal::report
