// Conversations in JSON lines. Internal to datasets.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "datasets/documents.h"
#include "datasets/table_file.h"

namespace frugal::datasets {

// [{role, content}, ...], with an empty system message first where options.empty_system asks for one.
// Error(kBadData, "dataset_row") at the line.
std::vector<tokenizers::ChatMessage> read_messages(const LineFile& lines, const nlohmann::json& value,
                                                   const TextFileOptions& options);
// Error(kUsage, "no_chat_template").
const tokenizers::ChatTemplate& required_template(const LineFile& lines, const TextFileOptions& options);
// The line has none of these keys.
[[noreturn]] void column_unknown(const LineFile& lines, const nlohmann::json& row, const std::string& wanted,
                                 const std::string& hint);

}  // namespace frugal::datasets
