#include "cli/command.h"
#include "core/launch/rank_group.h"
#include "core/results/merge.h"
#include "core/results/sandbox.h"
#include "core/results/tensor_file.h"

namespace frugal::cli {

int recover_command(std::span<const std::string> args);
int report_command(std::span<const std::string> args);
int results_command(std::span<const std::string> args);
int table_command(std::span<const std::string> args);
int sweep_command(std::span<const std::string> args);
int list_command(std::span<const std::string> args);
int doctor_command(std::span<const std::string> args);
int inspect_command(std::span<const std::string> args);
int forward_command(std::span<const std::string> args);
int tokenize_command(std::span<const std::string> args);
int run_command(std::span<const std::string> args);
int completion_command(std::span<const std::string> args);
int config_command(std::span<const std::string> args);
int version_command(std::span<const std::string> args);
int watch_command(std::span<const std::string> args);

namespace {

// Verbs that begin with "__" are for the program itself, and not listed.
constexpr Command kCommands[] = {
    {"run", "one run, or with -m a sweep", run_command},
    {"table", "a paper's table: runs what is missing, paper and measured side by side", table_command},
    {"recover", "make the result file of a run that was killed", recover_command},
    {"results", "list, show, compare, export and merge result files", results_command},
    {"report", "one HTML page of many runs: tables, curves, Pareto plot", report_command},
    {"sweep", "status, resume, retry, cancel: look after a sweep", sweep_command},
    {"list", "methods, models, data sets, experiments, tables and metrics there are", list_command},
    {"doctor", "what this machine has and what is missing, with the command that mends it", doctor_command},
    {"inspect", "what a file of tensors, a tokenizer or a video holds", inspect_command},
    {"forward", "a model on given tensors, its outputs and activations to a file", forward_command},
    {"tokenize", "token ids of text, one line a line", tokenize_command},
    {"completion", "shell completion: bash, zsh, fish", completion_command},
    {"config", "the config engine by itself: parse, load, get, compose, sweep", config_command},
    {"version", "print the version, and what is built in", version_command},
    {"watch", "progress and curves of running jobs", watch_command},
    {launch::kTiedVerb, "", launch::tied_command},
    {results::kReadRunsVerb, "", results::read_runs_child},
    {results::kMergeVerb, "", results::merge_child},
    {results::kCheckTensorsVerb, "", results::check_tensors_child},
};

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

}  // namespace frugal::cli
