#include "cli/command.h"

namespace frugal::cli {

int inspect_command(std::span<const std::string> args);
int tokenize_command(std::span<const std::string> args);
int version_command(std::span<const std::string> args);

namespace {

constexpr Command kCommands[] = {
    {"inspect", "what a file of tensors or a tokenizer holds", inspect_command},
    {"tokenize", "token ids of text, one line a line", tokenize_command},
    {"version", "print the version", version_command},
};

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

}  // namespace frugal::cli
