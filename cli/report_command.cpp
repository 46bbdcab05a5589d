// frugal report: one self-contained HTML page over result files.
#include <filesystem>
#include <iostream>

#include "cli/options.h"
#include "cli/result_files.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/report/report.h"
#include "core/results/sandbox.h"

namespace frugal::cli {

int report_command(std::span<const std::string> args) {
  namespace po = boost::program_options;
  po::options_description options("options");
  options.add_options()("output,o", po::value<std::string>(), "file to write; required")(
      "x", po::value<std::string>(), "metric across the Pareto plot")("y", po::value<std::string>(),
                                                                      "metric up the Pareto plot")(
      "title", po::value<std::string>()->default_value("Runs"), "of the page");
  const Parsed parsed =
      parse_options(args, "frugal report PATH... -o FILE.html [--x METRIC --y METRIC]",
                    "Makes one HTML page, which needs no other file, of the result files at and below the paths:\n"
                    "metrics with intervals, curves, a Pareto plot, provenance. Exits with 3 if a file is damaged.",
                    options, 1);
  if (parsed.help) return 0;
  if (!parsed.values.contains("output"))
    throw Error(ErrorKind::kUsage, "bad_call", "where should the page go?", {}, "frugal report PATH... -o FILE.html");
  const auto files = result_files(parsed.words);
  if (files.empty())
    throw Error(ErrorKind::kUsage, "missing_file", "there is no run.h5 at or below the paths", parsed.words.front(),
                "frugal recover makes the file of a run that was killed");
  report::ReportOptions page{.title = parsed.values["title"].as<std::string>()};
  if (parsed.values.contains("x")) page.x = parsed.values["x"].as<std::string>();
  if (parsed.values.contains("y")) page.y = parsed.values["y"].as<std::string>();
  const auto entries = results::read_runs(files, results::Parts::kAll);
  const std::filesystem::path output = parsed.values["output"].as<std::string>();
  io::write_atomic(output, report::html_report(entries, page));
  std::cout << output.string() << "\n";
  for (const auto& entry : entries)
    if (!entry.data) return exit_code(ErrorKind::kBadData);
  return 0;
}

}  // namespace frugal::cli
