#include "cli/command.h"

namespace frugal::cli {

int completion_command(std::span<const std::string> args);
int config_command(std::span<const std::string> args);
int version_command(std::span<const std::string> args);

namespace {

constexpr Command kCommands[] = {
    {"completion", "shell completion: bash, zsh, fish", completion_command},
    {"config", "the config engine by itself: parse, load, get, compose, sweep", config_command},
    {"version", "print the version", version_command},
};

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

}  // namespace frugal::cli
