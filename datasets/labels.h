// Labels as files spell them. Internal to datasets.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "datasets/table_file.h"
#include "datasets/text_dataset.h"

namespace frugal::datasets {

// The index of name in names; empty when it is not there.
std::optional<std::int64_t> index_of(std::span<const std::string> names, std::string_view name);

// A score in [low, high], or an error at the line.
double parse_score(const LineFile& lines, std::string_view text, double low, double high);

// A JSON label: null and -1 are none; a class is an index below names.size() or one of the names; a score any number in
// [low, high].
Label json_label(const LineFile& lines, const nlohmann::json& value, std::span<const std::string> names,
                 bool regression, double low, double high);

// "a, b, c", for messages; cut after 20.
std::string list_of(std::span<const std::string> names);

}  // namespace frugal::datasets
