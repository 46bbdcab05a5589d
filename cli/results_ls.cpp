#include <cstdio>
#include <filesystem>
#include <iostream>

#include "cli/options.h"
#include "cli/result_files.h"
#include "core/error.h"
#include "core/log.h"
#include "core/results/export.h"
#include "core/results/sandbox.h"

namespace frugal::cli {

namespace fs = std::filesystem;
namespace po = boost::program_options;

std::vector<fs::path> result_files(const std::vector<std::string>& words) {
  std::vector<fs::path> files;
  for (const auto& word : words.empty() ? std::vector<std::string>{"."} : words) {
    const auto found = results::find_run_files(word);
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

int results_ls(std::span<const std::string> args) {
  po::options_description options("options");
  options.add_options()("json", "as JSON")("index", "write FOLDER/index.h5 of each folder, too");
  const Parsed parsed =
      parse_options(args, "frugal results ls [FOLDER...]",
                    "Lists the runs at and below the folders (default: this one): status, file, what\n"
                    "differs between them, metrics. Exits with 3 if a file is damaged.",
                    options);
  if (parsed.help) return 0;
  const auto entries = results::read_runs(result_files(parsed.words), results::Parts::kSummary);
  results::RunTable table = results::run_table(entries);
  if (!parsed.values.contains("json")) {  // run ids and whole configs are for programs
    table.columns.pop_back();
    for (auto& row : table.rows) row.pop_back();
    table.columns.erase(table.columns.begin() + 1);
    for (auto& row : table.rows) row.erase(row.begin() + 1);
  }
  std::cout << results::to_text(
      table, parsed.values.contains("json") ? results::TextFormat::kJson : results::TextFormat::kMarkdown);
  if (parsed.values.contains("index"))
    for (const fs::path folder : parsed.words.empty() ? std::vector<std::string>{"."} : parsed.words) {
      auto relative = results::read_runs(results::find_run_files(folder), results::Parts::kSummary);
      for (auto& entry : relative) entry.path = entry.path.lexically_relative(folder);
      log::info(results::write_index(folder, relative).string());
    }
  for (const auto& entry : entries)
    if (!entry.data) return exit_code(ErrorKind::kBadData);
  return 0;
}

}  // namespace frugal::cli
