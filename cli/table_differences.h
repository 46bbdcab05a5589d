// How far each row of a table is from its baseline rows, sample by sample.
#pragma once

#include <filesystem>

#include "core/report/paper_table.h"

namespace frugal::cli {

// Sets Cell::versus of cells whose metric can be computed from the samples' prediction and target (accuracy,
// F1, correlations), and of averages of such cells, where the baseline scored the same samples: a paired bootstrap over
// samples and seeds.
void add_differences(report::PaperTable& table, const std::filesystem::path& folder);

}  // namespace frugal::cli
