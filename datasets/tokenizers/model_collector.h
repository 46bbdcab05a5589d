// Takes model.vocab and model.merges out of tokenizer.json while it is parsed: as JSON nodes they would cost ten times
// their size. Internal to the reader of tokenizer.json.
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/tokenizers/merge_texts.h"
#include "datasets/tokenizers/vocabulary.h"

namespace frugal::tokenizers {

class ModelCollector {
 public:
  explicit ModelCollector(const std::string& file) : file_(file) {}

  // As JsonVisitor: whether the parser keeps the node.
  bool operator()(int depth, nlohmann::json::parse_event_t event, nlohmann::json& value);

  VocabularyEntries& vocabulary() { return vocabulary_; }
  MergeTexts& merges() { return merges_; }

 private:
  [[noreturn]] void fail(const char* path, const std::string& message) const;
  void enter(int depth, const std::string& key);
  bool collect_entry(nlohmann::json::parse_event_t event, const nlohmann::json& value);
  bool collect_merge(int depth, nlohmann::json::parse_event_t event, const nlohmann::json& value);
  void check_merges() const;

  const std::string& file_;
  VocabularyEntries vocabulary_;
  MergeTexts merges_;
  std::vector<std::string> pair_;  // of a merge that is a list
  std::string section_, key_;
  std::set<std::string> seen_;
};

// The types of models that can be read.
inline constexpr const char* kKnownModels = "WordPiece, BPE";

}  // namespace frugal::tokenizers
