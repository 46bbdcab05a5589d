// Options of a verb: Boost.Program_options with our errors and one way to print help.
#pragma once

#include <boost/program_options.hpp>
#include <span>
#include <string>
#include <vector>

namespace frugal::cli {

struct Parsed {
  boost::program_options::variables_map values;
  std::vector<std::string> words;  // what is no option
  bool help = false;               // --help was given, and has been printed to stdout
};

// usage: "frugal results show FILE..."; about: sentences below it. Throws Error(usage, "bad_option") and, where fewer
// words than least_words or more than most_words come, Error(usage, "bad_call").
Parsed parse_options(std::span<const std::string> args, const std::string& usage, const std::string& about,
                     boost::program_options::options_description options, std::size_t least_words = 0,
                     std::size_t most_words = static_cast<std::size_t>(-1));

// The subverb at args[0] with its function; prints `help` for --help or nothing.
struct Subverb {
  const char* name;
  int (*run)(std::span<const std::string> args);
};
int run_subverb(std::span<const std::string> args, std::span<const Subverb> subverbs, const std::string& help);

}  // namespace frugal::cli
