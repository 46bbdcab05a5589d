// What a run would fail for before it begins: weights and data that are not on this machine, and how to get them.
#pragma once

#include <optional>
#include <string>

#include "core/config/options.h"
#include "core/report/paper_table.h"

namespace frugal::cli {

struct Missing {
  report::CellStatus status = report::CellStatus::kNeedsData;
  std::string reason;  // with the command that gets it
  std::string files;   // the key of `dataset` that names files which are not there; "": another input
};

// What a resolved config's models, tokenizer, teacher and data set lack, with the status of the first; nothing where
// all is there, or where only the run can tell.
std::optional<Missing> missing_inputs(const Json& config);

}  // namespace frugal::cli
