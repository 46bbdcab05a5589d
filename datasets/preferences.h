// Pairs of answers to one prompt, of which people (or a model) prefer one: what DPO trains on.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/documents.h"

namespace frugal::datasets {

struct PreferencePair {
  std::string id;
  std::string prompt, chosen, rejected;  // as text: a conversation's with the template's tokens
};

struct PreferenceSet {
  std::vector<PreferencePair> pairs;
  std::vector<SourceFile> sources;
};

// .jsonl files, one object a line: {prompt, chosen, rejected} as texts, or chosen and rejected as conversations
// [{role, content}, ...] that differ in their last message (Hugging Face's binarized layout, whose own `prompt` is then
// not read). Of a conversation the prompt is all but the last message, and an answer what the template writes behind
// it. Errors: kUsage `file_not_found`, `column_unknown`, `no_chat_template`; kBadData `dataset_row` with where =
// "file:line".
PreferenceSet load_preferences(const std::vector<std::filesystem::path>& files, const TextFileOptions& options,
                               std::string_view role);

}  // namespace frugal::datasets
