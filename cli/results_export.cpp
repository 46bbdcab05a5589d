#include <iostream>

#include "cli/options.h"
#include "cli/result_files.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/results/export.h"
#include "core/results/sandbox.h"

namespace frugal::cli {
namespace {

results::RunTable chosen_table(const std::string& what, const std::vector<std::filesystem::path>& files) {
  if (what == "runs") return run_table(results::read_runs(files, results::Parts::kSummary));
  if (what != "metrics" && what != "samples")
    throw Error(ErrorKind::kUsage, "bad_option", cat("--table: no table '", what, "'"), {}, "runs, metrics or samples");
  if (files.size() != 1)
    throw Error(ErrorKind::kUsage, "not_one_run", cat("--table ", what, " is of one run, found ", files.size()));
  const results::RunData data = results::read_run(files[0]);
  return what == "metrics" ? metric_table(data) : sample_table(data);
}

}  // namespace

int results_export(std::span<const std::string> args) {
  namespace po = boost::program_options;
  po::options_description options("options");
  options.add_options()("format,f", po::value<std::string>()->default_value("csv"), "csv, json or md")(
      "table,t", po::value<std::string>()->default_value("runs"),
      "runs (one row a run), metrics or samples (of one run)")("output,o", po::value<std::string>(),
                                                               "write to this file instead of stdout");
  const Parsed parsed =
      parse_options(args, "frugal results export PATH...",
                    "Writes a table of the result files, or of the runs below the folders, as text.", options, 1);
  if (parsed.help) return 0;
  const auto format = results::parse_text_format(parsed.values["format"].as<std::string>());
  const std::string text =
      to_text(chosen_table(parsed.values["table"].as<std::string>(), result_files(parsed.words)), format);
  if (parsed.values.contains("output")) {
    io::write_atomic(parsed.values["output"].as<std::string>(), text);
  } else {
    std::cout << text;
  }
  return 0;
}

}  // namespace frugal::cli
