#include "datasets/tokenizers/tokenizer_json.h"

#include "core/error.h"
#include "datasets/tokenizers/json_file.h"
#include "datasets/tokenizers/json_node.h"
#include "datasets/tokenizers/model_collector.h"
#include "datasets/tokenizers/model_json.h"
#include "datasets/tokenizers/post_processor_json.h"

namespace frugal::tokenizers {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxFileBytes = 64u << 20;

std::vector<AddedToken> read_added_tokens(const JsonNode& node) {
  std::vector<AddedToken> tokens;
  if (node.null()) return tokens;
  for (const auto& item : node.list()) {
    item.at("id").id();  // checked; the id in force follows from the order, as in the reference
    tokens.push_back({.content = item.at("content").text(),
                      .single_word = item.at("single_word").flag(),
                      .lstrip = item.at("lstrip").flag(),
                      .rstrip = item.at("rstrip").flag(),
                      .normalized = item.at("normalized").flag(),
                      .special = item.at("special").flag()});
    if (tokens.back().content.size() > kMaxTokenBytes) item.fail("the token is too long");
  }
  return tokens;
}

// Files of tokenizers < 0.6 carry no type; each model has keys of its own.
std::string model_type(const JsonNode& model) {
  if (!model.at("type").null()) return model.type();
  if (model.has("max_input_chars_per_word")) return "WordPiece";
  if (model.has("merges")) return "BPE";
  return model.type();
}

}  // namespace

TokenizerParts read_tokenizer_json(const std::filesystem::path& path) {
  const auto file = path.string();
  ModelCollector collected(file);
  const auto tree =
      read_json(path, kMaxFileBytes, "tokenizer_json",
                [&](int depth, Json::parse_event_t event, Json& value) { return collected(depth, event, value); });
  const JsonNode root(tree, "$", file);
  if (!root.has("model")) root.fail("the key 'model' is missing");
  const auto type = model_type(root.at("model"));
  TokenizerParts parts;
  if (type == "WordPiece") {
    parts.model = read_wordpiece(root, collected, file);
  } else if (type == "BPE") {
    parts.model = read_bpe(root, collected, file);
  } else {
    root.at("model").unsupported("model", type, kKnownModels);
  }
  parts.templates = read_post_processor(root.at("post_processor"));
  parts.added_tokens = read_added_tokens(root.at("added_tokens"));
  return parts;
}

}  // namespace frugal::tokenizers
