// frugal table: makes or completes a paper's table.
#include <algorithm>
#include <cstdio>

#include "cli/options.h"
#include "cli/table_runner.h"
#include "core/config/did_you_mean.h"
#include "core/error.h"
#include "core/io/file.h"
#include "core/report/table_text.h"
#include "core/run/provenance.h"

namespace frugal::cli {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

constexpr const char* kAbout =
    "Makes or completes a table: runs what is missing, prints what was measured beside what the paper\n"
    "printed, and writes table.md, table.json and table.h5. NAME as `frugal list tables` has it, or a file.yaml.\n"
    "Overrides come last in every run, e.g. device=cuda data.root=DIR hydra.launcher.n_jobs=4; STAGE:OVERRIDE in\n"
    "the runs of a stage only, e.g. sft:dataset.files=[corpus.jsonl]; cells:OVERRIDE in those that are no stage's.";

po::options_description describe() {
  po::options_description options("options");
  auto add = options.add_options();
  add("row", po::value<std::string>()->default_value("*"),
      "only rows whose name matches this shell pattern, e.g. @(full|meft*)");
  add("scale", po::value<std::string>(), "full (the paper's models and data) or small");
  add("check", "exit with 1 if a check of the table fails, a cell failed, or a full-scale value differs");
  add("format", po::value<std::string>()->default_value("md"), "what is printed: md, csv, json, html");
  add("output,o", po::value<std::string>(), "folder of runs and table (outputs/table/NAME)");
  add("config-dir", po::value<std::vector<std::string>>()->composing(), "a folder of configs before ours");
  add("runs", po::value<std::string>(), "folder of the runs, which tables may share (OUTPUT/runs)");
  add("dry-run", "run nothing: compose all, list stages and runs with their state and what is missing");
  add("fresh", "run again what is there, stages included");
  add("no-run", "run nothing: make the table of what is there");
  return options;
}

std::string text_of(const report::PaperTable& table, const std::string& format) {
  if (format == "md") return report::table_markdown(table);
  if (format == "csv") return report::table_csv(table);
  if (format == "json") return report::table_json(table);
  if (format == "html") return report::table_html(table);
  throw Error(ErrorKind::kUsage, "bad_format", cat("no format '", format, "'"), "--format", "md, csv, json or html");
}

// `sft:dataset.files=[a.jsonl]` is of stage sft; a colon behind the key belongs to the value.
void add_override(const std::string& word, TableRequest& request) {
  request.typed.push_back(word);
  const size_t colon = word.find(':');
  const std::string stage = colon < word.find('=') && colon < word.find('@') ? word.substr(0, colon) : "";
  if (stage.empty()) {
    request.overrides.push_back(word);
    return;
  }
  std::vector<std::string> names = {"cells"};
  for (const auto& [name, is] : request.spec.stages) names.push_back(name);
  if (std::find(names.begin(), names.end(), stage) == names.end())
    throw Error(ErrorKind::kUsage, "unknown_stage", cat("this table has no stage '", stage, "'"), word,
                did_you_mean(stage, names, cat("e.g. ", names.back(), word.substr(colon))));
  request.stage_overrides[stage].push_back(word.substr(colon + 1));
}

TableRequest request_of(const Parsed& options, std::span<const std::string> args) {
  const auto& values = options.values;
  const auto text = [&](const char* name) {
    return values.contains(name) ? values[name].as<std::string>() : std::string();
  };
  TableRequest request{.spec = report::load_table(options.words[0], text("scale"))};
  request.rows = values["row"].as<std::string>();
  for (size_t i = 1; i < options.words.size(); ++i) add_override(options.words[i], request);
  if (values.contains("config-dir"))
    for (const auto& folder : values["config-dir"].as<std::vector<std::string>>())
      request.config_dirs.emplace_back(folder);
  request.folder = values.contains("output") ? fs::path(values["output"].as<std::string>())
                                             : fs::path("outputs/table") / request.spec.name;
  request.runs = values.contains("runs") ? fs::path(text("runs")) : request.folder / "runs";
  request.fresh = values.contains("fresh");
  request.run = !values.contains("no-run");
  request.command_line = {"frugal", "table"};
  request.command_line.insert(request.command_line.end(), args.begin(), args.end());
  return request;
}

// What --check asks: the table's own checks, no failed cell, no full-scale value off the paper's.
bool holds(const report::PaperTable& table) {
  for (const auto& check : report::run_checks(table))
    if (!check.holds) return false;
  for (const auto& column : table.spec.columns)
    for (const auto& [row, cells] : table.cells) {
      const report::Cell& cell = cells.at(column.name);
      if (cell.status == report::CellStatus::kFailed || report::verdict(column, cell) == "differs") return false;
    }
  return true;
}

}  // namespace

int table_command(std::span<const std::string> args) {
  const Parsed options = parse_options(args, "frugal table NAME [OVERRIDE...]", kAbout, describe(), 1);
  if (options.help) return 0;
  const std::string format = options.values["format"].as<std::string>();
  const TableRequest request = request_of(options, args);
  text_of(report::PaperTable{}, format);  // a wrong format is said before hours of runs
  if (options.values.contains("dry-run")) {
    print_table_plan(request);
    return 0;
  }
  const MadeTable made = make_table(request);
  fs::create_directories(request.folder);
  io::write_atomic(request.folder / "table.md", report::table_markdown(made.table));
  io::write_atomic(request.folder / "table.json", report::table_json(made.table));
  const fs::path file = report::write_table_file(made.table, request.folder);
  std::fputs(text_of(made.table, format).c_str(), stdout);
  std::fprintf(stderr, "%s\n", file.c_str());
  if (made.exit_code != 0) return made.exit_code;
  const auto failed = [](const auto& row) {
    return std::any_of(row.second.begin(), row.second.end(),
                       [](const auto& cell) { return cell.second.status == report::CellStatus::kFailed; });
  };
  if (options.values.contains("check") && !holds(made.table)) return exit_code(ErrorKind::kCheckFailed);
  const bool any_failed = std::any_of(made.table.cells.begin(), made.table.cells.end(), failed);
  return any_failed ? exit_code(ErrorKind::kRunFailed) : 0;
}

}  // namespace frugal::cli
