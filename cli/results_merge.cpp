#include "cli/options.h"
#include "cli/result_files.h"
#include "core/error.h"
#include "core/results/merge.h"

namespace frugal::cli {

int results_merge(std::span<const std::string> args) {
  namespace po = boost::program_options;
  po::options_description options("options");
  options.add_options()("output,o", po::value<std::string>(), "the file to write");
  const Parsed parsed = parse_options(
      args, "frugal results merge PATH... -o FILE",
      "Copies result files into one: the table /runs of all, each run whole in /files/<run_id>.", options, 1);
  if (parsed.help) return 0;
  if (!parsed.values.contains("output")) throw Error(ErrorKind::kUsage, "bad_call", "-o FILE is missing");
  results::merge_runs(result_files(parsed.words), parsed.values["output"].as<std::string>());
  return 0;
}

}  // namespace frugal::cli
