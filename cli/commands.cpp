#include "cli/command.h"

namespace frugal::cli {

int version_command(std::span<const std::string> args);

namespace {

constexpr Command kCommands[] = {
    {"version", "print the version", version_command},
};

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

}  // namespace frugal::cli
