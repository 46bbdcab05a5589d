#include "cli/positional_options.h"

#include "core/error.h"

namespace frugal::cli {

namespace po = boost::program_options;

po::variables_map parse_options(std::span<const std::string> args, const po::options_description& options,
                                const po::positional_options_description& positional, const std::string& verb) {
  using namespace po::command_line_style;
  po::variables_map result;
  try {
    const std::vector<std::string> list(args.begin(), args.end());
    // Whole words only: a guessed option today is an ambiguous one tomorrow.
    po::store(
        po::command_line_parser(list).options(options).positional(positional).style(unix_style & ~allow_guessing).run(),
        result);
  } catch (const po::error& error) {
    throw Error(ErrorKind::kUsage, "option_unknown", error.what(), {}, cat("frugal ", verb, " --help"));
  }
  return result;
}

}  // namespace frugal::cli
