// Options of the verbs that need only a few: parsing with one kind of error.
#pragma once

#include <boost/program_options.hpp>
#include <span>
#include <string>
#include <vector>

namespace frugal::cli {

// Error(kUsage, "option_unknown") for anything that `options` (with `positional`) does not know. `verb` is for the
// hint.
boost::program_options::variables_map parse_options(
    std::span<const std::string> args, const boost::program_options::options_description& options,
    const boost::program_options::positional_options_description& positional, const std::string& verb);

}  // namespace frugal::cli
