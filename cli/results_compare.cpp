#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/options.h"
#include "cli/result_files.h"
#include "core/error.h"
#include "core/results/compare.h"
#include "core/results/export.h"
#include "core/results/sandbox.h"

namespace frugal::cli {
namespace {

using results::Comparison;
using results::number_text;

void print_text(const Comparison& comparison) {
  std::cout << "| metric | A | B | B - A | 95 % interval | from |\n| --- | ---: | ---: | ---: | --- | --- |\n";
  for (const auto& m : comparison.metrics) {
    std::cout << "| " << m.name << (m.unit.empty() ? "" : " (" + m.unit + ")") << " | " << number_text(m.a) << " | "
              << number_text(m.b) << " | " << number_text(m.difference) << " | ";
    if (m.ci_low) std::cout << "[" << number_text(*m.ci_low) << ", " << number_text(*m.ci_high) << "]";
    std::cout << " | " << m.how << " |\n";
  }
  for (const auto& metric : comparison.only_a) std::cout << "only in A: " << metric << "\n";
  for (const auto& metric : comparison.only_b) std::cout << "only in B: " << metric << "\n";
  std::cout << "\nconfig" << (comparison.config.empty() ? ": the same\n" : "\n");
  for (const auto& d : comparison.config) std::cout << "  " << d.key << ": " << d.a << " -> " << d.b << "\n";
}

void print_json(const Comparison& comparison) {
  nlohmann::ordered_json metrics = nlohmann::ordered_json::array(), config = metrics;
  for (const auto& m : comparison.metrics) {
    nlohmann::ordered_json row = {
        {"name", m.name}, {"unit", m.unit}, {"a", m.a}, {"b", m.b}, {"difference", m.difference}};
    row["ci_low"] = m.ci_low ? nlohmann::ordered_json(*m.ci_low) : nullptr;
    row["ci_high"] = m.ci_high ? nlohmann::ordered_json(*m.ci_high) : nullptr;
    row["from"] = m.how;
    metrics.push_back(std::move(row));
  }
  for (const auto& d : comparison.config) config.push_back({{"key", d.key}, {"a", d.a}, {"b", d.b}});
  const nlohmann::ordered_json all = {{"metrics", std::move(metrics)},
                                      {"config", std::move(config)},
                                      {"only_a", comparison.only_a},
                                      {"only_b", comparison.only_b}};
  std::cout << all.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
}

results::RunData read_one(const std::string& word) {
  const auto files = result_files({word});
  if (files.size() != 1)
    throw Error(ErrorKind::kUsage, "not_one_run", cat("expected one result file, found ", files.size()), word);
  return results::read_run(files[0]);
}

}  // namespace

int results_compare(std::span<const std::string> args) {
  boost::program_options::options_description options("options");
  options.add_options()("paired", "samples must match one to one")("json", "as JSON");
  const Parsed parsed = parse_options(
      args, "frugal results compare A B",
      "Differences of two runs' metrics (B - A) with 95 % intervals: a paired bootstrap where their samples\n"
      "match. Exits with 1, and says why, if data, prompts or scoring differ.",
      options, 2, 2);
  if (parsed.help) return 0;
  const Comparison comparison =
      compare_runs(read_one(parsed.words[0]), read_one(parsed.words[1]), parsed.values.contains("paired"));
  parsed.values.contains("json") ? print_json(comparison) : print_text(comparison);
  return 0;
}

}  // namespace frugal::cli
