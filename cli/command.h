// The verbs of `frugal`. Each lives in a file of its own, cli/<verb>_command.cpp; commands.cpp lists them all.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace frugal::cli {

// args: what follows the verb on the command line. Returns the exit code; throws frugal::Error for a user's mistake.
using CommandFunction = int (*)(std::span<const std::string> args);

struct Command {
  std::string_view name;
  std::string_view summary;  // one line, for `frugal --help`
  CommandFunction run;
};

std::span<const Command> commands();

}  // namespace frugal::cli
