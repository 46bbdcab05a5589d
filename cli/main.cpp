// The front end: links no LibTorch, answers in milliseconds, and starts workers for what needs tensors.
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "cli/command.h"
#include "core/error.h"
#include "core/log.h"

namespace {

void print_help() {
  std::puts("frugal: experiments on efficient models, one HDF5 file a run\n\nusage: frugal VERB [ARGUMENT...]\n");
  for (const auto& command : frugal::cli::commands())
    if (!command.name.starts_with("__"))
      std::printf("  %-12s %s\n", std::string(command.name).c_str(), std::string(command.summary).c_str());
  std::puts("\n`frugal VERB --help` says more. Results go to stdout, logs to stderr.");
}

int dispatch(const std::vector<std::string>& args) {
  if (args.empty() || args[0] == "--help" || args[0] == "-h" || args[0] == "help") {
    print_help();
    return args.empty() ? 2 : 0;
  }
  const std::string verb = args[0] == "--version" ? "version" : args[0];
  for (const auto& command : frugal::cli::commands())
    if (command.name == verb) return command.run(std::span(args).subspan(1));
  throw frugal::Error(frugal::ErrorKind::kUsage, "unknown_verb", frugal::cat("there is no verb '", args[0], "'"), {},
                      "frugal --help");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return dispatch({argv + 1, argv + argc});
  } catch (const frugal::Error& error) {
    frugal::log::error(error.what());
    return frugal::exit_code(error.kind());
  } catch (const std::exception& error) {
    frugal::log::error("internal error: ", error.what());
    return 5;
  }
}
