// The official TSV files of GLUE. Internal: call load_glue.
#pragma once

#include <filesystem>
#include <functional>

#include "datasets/glue.h"

namespace frugal::datasets {

// Which rows of msr_paraphrase_train.txt to keep, by the two sentence ids; empty: all.
using RowFilter = std::function<bool(std::string_view first_id, std::string_view second_id)>;

// Appends the examples of one file to `dataset`, with a note when short QQP rows were skipped.
// split "test*" may lack labels; Error(kBadData, "dataset_row") for anything else that is not the official layout.
void read_glue_tsv(const std::filesystem::path& path, const GlueTask& task, bool test, TextDataset& dataset,
                   const RowFilter& keep = {});

}  // namespace frugal::datasets
