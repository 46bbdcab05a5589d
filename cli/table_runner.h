// Makes a paper's table: runs what is missing, and fills the cells with what the runs measured.
#pragma once

#include <string>
#include <vector>

#include "cli/table_plan.h"

namespace frugal::cli {

struct MadeTable {
  report::PaperTable table;
  int exit_code = 0;  // of a signal that stopped it
};

// Runs what is missing (a run is found again by the hash of its config, whatever row or table of the same folder of
// runs asked for it) and fills the cells. A run that fails leaves its cell with a status; only a table that cannot be
// composed throws.
MadeTable make_table(const TableRequest& request);

// --dry-run: composes and checks every run, and says on stdout which are there, which would be made in what order, and
// which cannot, with the command that gets what they lack. Runs nothing.
void print_table_plan(const TableRequest& request);

}  // namespace frugal::cli
