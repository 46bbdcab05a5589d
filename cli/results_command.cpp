// frugal results: reads result files. Each subverb lives in results_<name>.cpp.
#include <span>
#include <string>

#include "cli/options.h"

namespace frugal::cli {

int results_ls(std::span<const std::string> args);
int results_show(std::span<const std::string> args);
int results_compare(std::span<const std::string> args);
int results_export(std::span<const std::string> args);
int results_merge(std::span<const std::string> args);
int results_verify(std::span<const std::string> args);
int results_rerun(std::span<const std::string> args);

int results_command(std::span<const std::string> args) {
  constexpr Subverb kSubverbs[] = {{"ls", results_ls},         {"show", results_show},   {"compare", results_compare},
                                   {"export", results_export}, {"merge", results_merge}, {"verify", results_verify},
                                   {"rerun", results_rerun}};
  return run_subverb(
      args, kSubverbs,
      "usage: frugal results VERB ...\n\n"
      "  ls [FOLDER...]        the runs at and below the folders, one a line; writes index.h5 with --index\n"
      "  show FILE...          what a run is and what came out of it\n"
      "  compare A B           differences with confidence intervals\n"
      "  export PATH...        tables as csv, json or md\n"
      "  merge PATH... -o FILE many result files in one\n"
      "  verify PATH...        run again what they hold, and compare\n"
      "  rerun FILE [OVERRIDE...]  the same config with overrides, as a new run\n\n"
      "`frugal results VERB --help` says more.\n");
}

}  // namespace frugal::cli
