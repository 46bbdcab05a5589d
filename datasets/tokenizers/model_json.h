// Readers of the model of tokenizer.json, with the normalizer, pre_tokenizer and decoder that belong to it. Internal.
#pragma once

#include <memory>
#include <string>

#include "datasets/tokenizers/json_node.h"
#include "datasets/tokenizers/model_collector.h"
#include "datasets/tokenizers/text_model.h"

namespace frugal::tokenizers {

// root: the file without model.vocab and model.merges, which `collected` holds. Errors: kBadData `tokenizer_json`,
// `tokenizer_vocab`, `tokenizer_unsupported`.
std::unique_ptr<const TextModel> read_wordpiece(const JsonNode& root, ModelCollector& collected,
                                                const std::string& file);
std::unique_ptr<const TextModel> read_bpe(const JsonNode& root, ModelCollector& collected, const std::string& file);

}  // namespace frugal::tokenizers
