// Small JSON files of strangers, read with limits. Internal to the data sets.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace frugal::tokenizers {

inline constexpr int kMaxJsonDepth = 32;
inline constexpr std::size_t kMaxJsonNodes = 500'000;

// Called for every event before the node is kept; returns whether to keep it. depth as nlohmann's parser counts it.
using JsonVisitor = std::function<bool(int depth, nlohmann::json::parse_event_t event, nlohmann::json& value)>;

enum class JsonRoot { kObject, kArray };

// Parses a file of at most max_bytes with at most kMaxJsonDepth levels and kMaxJsonNodes kept nodes.
// Errors: kUsage `file_not_found`; kBadData with the given code and where = "file: byte N".
nlohmann::json read_json(const std::filesystem::path& path, std::size_t max_bytes, const char* code,
                         const JsonVisitor& visitor = {}, JsonRoot root = JsonRoot::kObject);

}  // namespace frugal::tokenizers
