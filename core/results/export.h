// Tables as text: CSV (RFC 4180), JSON (a list of objects), Markdown.
#pragma once

#include <string>
#include <string_view>

#include "core/results/index.h"

namespace frugal::results {

enum class TextFormat { kCsv, kJson, kMarkdown };
// csv, json, md. Throws Error(usage, "bad_format").
TextFormat parse_text_format(std::string_view text);

// Numbers as short as they can be read back exactly. A missing number is empty in CSV and Markdown, null in JSON.
std::string to_text(const RunTable& table, TextFormat format);
std::string number_text(double value);

// The metrics of one run, and its samples (with the lists as JSON lists in a column each).
RunTable metric_table(const RunData& data);
RunTable sample_table(const RunData& data);

}  // namespace frugal::results
