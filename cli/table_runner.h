// From a table's spec to its runs and back: which jobs make a cell, which of them are there already, what they
// measured.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/report/paper_table.h"

namespace frugal::cli {

struct TableRequest {
  report::TableSpec spec;
  std::string scale;                   // a key of spec.scales
  std::string rows = "*";              // shell pattern of row names
  std::vector<std::string> overrides;  // of the user, last in every run
  std::vector<std::filesystem::path> config_dirs;
  std::filesystem::path folder;  // runs, ledgers and the table's files lie here
  bool fresh = false;            // run again what is there
  bool run = true;               // false: make the table of what is there
  std::vector<std::string> command_line;
};

struct MadeTable {
  report::PaperTable table;
  int exit_code = 0;  // of a signal that stopped it
};

// Runs what is missing (a run is found again by the hash of its config, whatever table or row asked for it) and fills
// the cells. A run that fails leaves its cell with a status; only a table that cannot be composed throws.
MadeTable make_table(const TableRequest& request);

}  // namespace frugal::cli
