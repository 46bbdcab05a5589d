// A value of a JSON file together with the way to it, so that every error says where it is. Internal to the tokenizers.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "datasets/tokenizers/tokenizer.h"

namespace frugal::tokenizers {

// Errors are kBadData `tokenizer_json` with where = "file: $.model.vocab". The value and the file's name must outlive
// it.
class JsonNode {
 public:
  JsonNode(const nlohmann::json& value, std::string path, const std::string& file)
      : value_(&value), path_(std::move(path)), file_(&file) {}

  [[noreturn]] void fail(const std::string& message, const char* code = "tokenizer_json") const;
  // Error `tokenizer_unsupported`: this part of the file has a type that no code here implements.
  [[noreturn]] void unsupported(const char* part, const std::string& type, const char* known) const;

  bool null() const { return value_->is_null(); }
  bool is_text() const { return value_->is_string(); }
  bool has(const char* key) const { return value_->is_object() && value_->contains(key); }
  // A missing key is null: absent and null mean the same in these formats.
  JsonNode at(const char* key) const;
  std::vector<JsonNode> list() const;
  const std::string& text() const;
  bool flag() const;
  bool flag_or(bool otherwise) const { return null() ? otherwise : flag(); }
  std::int64_t number(std::int64_t low, std::int64_t high) const;
  TokenId id() const;
  // "type" of a component; "none" for null.
  std::string type() const { return null() ? "none" : at("type").text(); }
  // The steps of a component: those of a Sequence under `key`, none for null, else the component itself.
  std::vector<JsonNode> steps(const char* key) const;

 private:
  const nlohmann::json* value_;
  std::string path_;
  const std::string* file_;
};

}  // namespace frugal::tokenizers
