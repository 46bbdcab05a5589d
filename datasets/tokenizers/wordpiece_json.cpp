#include "datasets/tokenizers/model_json.h"
#include "datasets/tokenizers/wordpiece.h"

namespace frugal::tokenizers {

namespace {

BertNormalizer read_normalizer(const JsonNode& node) {
  const auto type = node.type();
  if (type == "none")
    return {.clean_text = false, .handle_chinese_chars = false, .strip_accents = false, .lowercase = false};
  if (type != "BertNormalizer") node.unsupported("normalizer", type, "BertNormalizer");
  const auto strip = node.at("strip_accents");
  return {.clean_text = node.at("clean_text").flag(),
          .handle_chinese_chars = node.at("handle_chinese_chars").flag(),
          .strip_accents = strip.null() ? std::nullopt : std::optional(strip.flag()),
          .lowercase = node.at("lowercase").flag()};
}

}  // namespace

std::unique_ptr<const TextModel> read_wordpiece(const JsonNode& root, ModelCollector& collected,
                                                const std::string& file) {
  const auto model = root.at("model");
  const auto pre_tokenizer = root.at("pre_tokenizer");
  if (const auto type = pre_tokenizer.type(); type != "BertPreTokenizer")
    pre_tokenizer.unsupported("pre_tokenizer", type, "BertPreTokenizer");

  WordPieceOptions options;
  options.normalizer = read_normalizer(root.at("normalizer"));
  options.unk_token = model.at("unk_token").text();
  options.continuing_subword_prefix = model.at("continuing_subword_prefix").text();
  options.max_input_chars_per_word =
      static_cast<std::size_t>(model.at("max_input_chars_per_word").number(0, INT64_C(1) << 40));
  const auto decoder = root.at("decoder");
  if (const auto type = decoder.type(); type == "none") {
    options.decoder = false;
  } else if (type == "WordPiece") {
    options.decoder_prefix = decoder.at("prefix").text();
    options.decoder_cleanup = decoder.at("cleanup").flag();
  } else {
    decoder.unsupported("decoder", type, "WordPiece");
  }
  return std::make_unique<WordPiece>(Vocabulary(collected.vocabulary(), file), std::move(options), file);
}

}  // namespace frugal::tokenizers
