#include "core/results/export.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/text.h"

namespace frugal::results {
namespace {

using nlohmann::ordered_json;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::string cell_text(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  return number_text(std::get<double>(value));
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string markdown_cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' ? std::string("\\|") : c == '\n' ? std::string(" ") : std::string(1, c);
  return escaped;
}

std::string csv(const RunTable& table) {
  std::string text = joined(table.columns, ",", [](const Column& column) { return csv_cell(column.name); }) + "\r\n";
  for (const auto& row : table.rows)
    text += joined(row, ",", [](const auto& cell) { return csv_cell(cell_text(cell)); }) + "\r\n";
  return text;
}

std::string markdown(const RunTable& table) {
  std::string text = "|", rule = "|";
  for (const auto& column : table.columns) {
    const bool number = column.type == ColumnType::kDouble || column.type == ColumnType::kInt64;
    text += cat(" ", markdown_cell(column.name), column.unit.empty() ? "" : cat(" (", column.unit, ")"), " |");
    rule += number ? " ---: |" : " --- |";
  }
  text += "\n" + rule + "\n";
  for (const auto& row : table.rows) {
    text += "|";
    for (const auto& cell : row) text += cat(" ", markdown_cell(cell_text(cell)), " |");
    text += "\n";
  }
  return text;
}

std::string json_text(const RunTable& table) {
  ordered_json list = ordered_json::array();
  for (const auto& row : table.rows) {
    ordered_json object = ordered_json::object();
    for (std::size_t c = 0; c < row.size(); ++c) {
      const double* number = std::get_if<double>(&row[c]);
      if (number != nullptr && !std::isfinite(*number)) {
        object[table.columns[c].name] = nullptr;
      } else {
        std::visit([&](const auto& value) { object[table.columns[c].name] = value; },
                   static_cast<const Value::Base&>(row[c]));
      }
    }
    list.push_back(std::move(object));
  }
  return list.dump(1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string number_text(double value) {
  if (std::isnan(value)) return {};
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

TextFormat parse_text_format(std::string_view text) {
  if (text == "csv") return TextFormat::kCsv;
  if (text == "json") return TextFormat::kJson;
  if (text == "md" || text == "markdown") return TextFormat::kMarkdown;
  throw Error(ErrorKind::kUsage, "bad_format", cat("no format '", text, "'"), {}, "csv, json or md");
}

std::string to_text(const RunTable& table, TextFormat format) {
  switch (format) {
    case TextFormat::kCsv:
      return csv(table);
    case TextFormat::kJson:
      return json_text(table);
    case TextFormat::kMarkdown:
      return markdown(table);
  }
  return {};
}

RunTable metric_table(const RunData& data) {
  RunTable table;
  const auto text = [](const char* name) { return Column{.name = name, .type = ColumnType::kString}; };
  table.columns = {text("name"),        {.name = "value"},  text("unit"),  {.name = "ci_low"},
                   {.name = "ci_high"}, {.name = "stderr"}, {.name = "n"}, text("direction")};
  for (const auto& metric : data.metrics)
    table.rows.push_back({metric.name, metric.value, metric.unit, metric.ci_low.value_or(kNaN),
                          metric.ci_high.value_or(kNaN), metric.standard_error.value_or(kNaN),
                          metric.count ? static_cast<double>(*metric.count) : kNaN,
                          std::string(name(metric.direction))});
  return table;
}

RunTable sample_table(const RunData& data) {
  RunTable table{.columns = data.schema.columns, .rows = {}};
  for (const auto& list : data.schema.lists)
    table.columns.push_back({.name = list.name, .type = ColumnType::kString, .unit = list.unit});
  for (const auto& sample : data.samples) {
    table.rows.push_back(sample.cells);
    for (const auto& list : sample.lists) table.rows.back().emplace_back(nlohmann::json(list).dump());
  }
  return table;
}

}  // namespace frugal::results
