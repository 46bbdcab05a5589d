#include "cli/options.h"

#include <iostream>

#include "core/error.h"

namespace frugal::cli {

namespace po = boost::program_options;

Parsed parse_options(std::span<const std::string> args, const std::string& usage, const std::string& about,
                     po::options_description options, std::size_t least_words, std::size_t most_words) {
  options.add_options()("help,h", "print this");
  po::options_description all;
  all.add(options).add_options()("words", po::value<std::vector<std::string>>());
  po::positional_options_description positions;
  positions.add("words", -1);
  Parsed parsed;
  try {
    po::store(po::command_line_parser({args.begin(), args.end()}).options(all).positional(positions).run(),
              parsed.values);
    po::notify(parsed.values);
  } catch (const po::error& error) {
    throw Error(ErrorKind::kUsage, "bad_option", error.what(), {}, usage.substr(0, usage.find(' ', 7)) + " --help");
  }
  if (parsed.values.contains("help")) {
    std::cout << "usage: " << usage << "\n\n" << about << "\n\n" << options;
    parsed.help = true;
    return parsed;
  }
  if (parsed.values.contains("words")) parsed.words = parsed.values["words"].as<std::vector<std::string>>();
  if (parsed.words.size() < least_words || parsed.words.size() > most_words)
    throw Error(ErrorKind::kUsage, "bad_call", cat("usage: ", usage));
  return parsed;
}

int run_subverb(std::span<const std::string> args, std::span<const Subverb> subverbs, const std::string& help) {
  if (args.empty() || args[0] == "--help" || args[0] == "-h") {
    (args.empty() ? std::cerr : std::cout) << help;
    return args.empty() ? exit_code(ErrorKind::kUsage) : 0;
  }
  for (const auto& subverb : subverbs)
    if (args[0] == subverb.name) return subverb.run(args.subspan(1));
  throw Error(ErrorKind::kUsage, "unknown_verb", cat("there is no '", args[0], "' here"), {},
              "--help lists what there is");
}

}  // namespace frugal::cli
