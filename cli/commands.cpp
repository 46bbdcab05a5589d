#include "cli/command.h"

namespace frugal::cli {

int tokenize_command(std::span<const std::string> args);
int run_command(std::span<const std::string> args);
int completion_command(std::span<const std::string> args);
int config_command(std::span<const std::string> args);
int version_command(std::span<const std::string> args);

namespace {

constexpr Command kCommands[] = {
    {"run", "one run, or with -m a sweep", run_command},
    {"tokenize", "token ids of text, one line a line", tokenize_command},
    {"completion", "shell completion: bash, zsh, fish", completion_command},
    {"config", "the config engine by itself: parse, load, get, compose, sweep", config_command},
    {"version", "print the version", version_command},
};

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

}  // namespace frugal::cli
