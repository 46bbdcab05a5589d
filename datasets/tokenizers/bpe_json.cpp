// The BPE model of tokenizer.json with its normalizer, pre_tokenizer and decoder.
#include "core/error.h"
#include "core/io/utf8.h"
#include "datasets/tokenizers/bpe.h"
#include "datasets/tokenizers/merge_texts.h"
#include "datasets/tokenizers/model_json.h"

namespace frugal::tokenizers {

namespace {

// A text that is put into other texts again and again: a long one would let a small file fill the memory.
constexpr std::size_t kMaxInsertedBytes = 64;

std::string inserted_text(const JsonNode& node) {
  if (node.text().size() > kMaxInsertedBytes) node.fail(cat("a text of more than ", kMaxInsertedBytes, " bytes"));
  return node.text();
}

// {"String": ...} of Replace, not empty.
std::string plain_pattern(const JsonNode& node) {
  if (!node.has("String")) node.unsupported("pattern", node.has("Regex") ? "Regex" : "?", "String");
  const auto text = inserted_text(node.at("String"));
  if (text.empty()) node.fail("an empty pattern");
  return text;
}

std::string one_character(const JsonNode& node) {
  const auto& text = node.text();
  if (text.empty() || io::decode_utf8(text, 0).bytes != text.size()) node.fail("expected one character");
  return text;
}

Normalizer read_normalizer(const JsonNode& node) {
  Normalizer steps;
  for (const auto& step : node.steps("normalizers")) {
    const auto type = step.type();
    if (type == "NFC") {
      steps.push_back({.kind = NormalizerStep::Kind::kNfc});
    } else if (type == "Prepend") {
      steps.push_back({.kind = NormalizerStep::Kind::kPrepend, .content = inserted_text(step.at("prepend"))});
    } else if (type == "Replace") {
      steps.push_back({.kind = NormalizerStep::Kind::kReplace,
                       .pattern = plain_pattern(step.at("pattern")),
                       .content = inserted_text(step.at("content"))});
    } else {
      step.unsupported("normalizer", type, "NFC, Prepend, Replace");
    }
  }
  return steps;
}

PreTokenizerStep read_split(const JsonNode& node) {
  const auto pattern = node.at("pattern");
  if (!pattern.has("Regex")) pattern.unsupported("pattern", pattern.has("String") ? "String" : "?", "Regex");
  const auto& regex = pattern.at("Regex").text();
  const auto known = word_pattern(regex);
  if (!known) pattern.unsupported("pattern", regex, "those of GPT-2, Llama 3 and Qwen 2");
  // These expressions match every character, so removing what is between matches is the same as keeping it.
  const auto& behavior = node.at("behavior").text();
  const bool invert = node.at("invert").flag_or(false);
  if (!(behavior == "Isolated" && !invert) && !(behavior == "Removed" && invert))
    node.unsupported("behavior", cat(behavior, invert ? " (inverted)" : ""), "Isolated, Removed (inverted)");
  return {.kind = PreTokenizerStep::Kind::kPattern, .pattern = *known};
}

PreTokenizerStep read_metaspace(const JsonNode& node) {
  using Prepend = PreTokenizerStep::Prepend;
  PreTokenizerStep step{.kind = PreTokenizerStep::Kind::kMetaspace};
  step.replacement = one_character(node.at("replacement"));
  step.split = node.at("split").flag_or(true);
  const auto scheme = node.at("prepend_scheme");
  if (scheme.null()) {  // files of tokenizers < 0.15
    step.prepend = node.at("add_prefix_space").flag_or(true) ? Prepend::kAlways : Prepend::kNever;
  } else if (scheme.text() == "always" || scheme.text() == "first") {
    step.prepend = scheme.text() == "always" ? Prepend::kAlways : Prepend::kFirst;
  } else if (scheme.text() == "never") {
    step.prepend = Prepend::kNever;
  } else {
    scheme.fail("expected always, first or never");
  }
  return step;
}

// Also finds out whether the vocabulary is spelled in printable bytes: ByteLevel does that, last of all.
void read_pre_tokenizer(const JsonNode& node, BpeOptions& options) {
  auto& steps = options.pre_tokenizer;
  for (const auto& step : node.steps("pretokenizers")) {
    const auto type = step.type();
    if (options.byte_level) step.fail("ByteLevel must be the last step", "tokenizer_unsupported");
    if (type == "Digits") {
      steps.push_back(
          {.kind = PreTokenizerStep::Kind::kDigits, .individual_digits = step.at("individual_digits").flag()});
    } else if (type == "Split") {
      steps.push_back(read_split(step));
    } else if (type == "Metaspace") {
      steps.push_back(read_metaspace(step));
    } else if (type == "ByteLevel") {
      options.byte_level = true;
      if (step.at("add_prefix_space").flag()) steps.push_back({.kind = PreTokenizerStep::Kind::kPrefixSpace});
      if (step.at("use_regex").flag_or(true))
        steps.push_back({.kind = PreTokenizerStep::Kind::kPattern, .pattern = WordPattern::kGpt2});
    } else {
      step.unsupported("pre_tokenizer", type, "Digits, Split, ByteLevel, Metaspace");
    }
  }
}

TokenDecoder read_decoder(const JsonNode& node) {
  using Kind = DecoderStep::Kind;
  constexpr std::int64_t kMostStripped = 1 << 20;
  TokenDecoder steps;
  for (const auto& step : node.steps("decoders")) {
    const auto type = step.type();
    if (type == "ByteLevel" || type == "ByteFallback" || type == "Fuse") {
      steps.push_back({.kind = type == "ByteLevel" ? Kind::kByteLevel
                               : type == "Fuse"    ? Kind::kFuse
                                                   : Kind::kByteFallback});
    } else if (type == "Replace") {
      steps.push_back({.kind = Kind::kReplace,
                       .pattern = plain_pattern(step.at("pattern")),
                       .content = inserted_text(step.at("content"))});
    } else if (type == "Strip") {
      steps.push_back({.kind = Kind::kStrip,
                       .content = one_character(step.at("content")),
                       .start = static_cast<std::size_t>(step.at("start").number(0, kMostStripped)),
                       .stop = static_cast<std::size_t>(step.at("stop").number(0, kMostStripped))});
    } else if (type == "Metaspace") {
      const auto metaspace = read_metaspace(step);
      steps.push_back({.kind = Kind::kMetaspace,
                       .pattern = metaspace.replacement,
                       .strip_first = metaspace.prepend != PreTokenizerStep::Prepend::kNever});
    } else {
      step.unsupported("decoder", type, "ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace");
    }
  }
  return steps;
}

void refuse_settings(const JsonNode& model) {
  const auto dropout = model.at("dropout");
  if (!dropout.null()) dropout.fail("merges are never left out here; expected null", "tokenizer_unsupported");
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (const auto value = model.at(key); !value.null() && !value.text().empty())
      value.fail("expected null or an empty text", "tokenizer_unsupported");
}

std::optional<std::string> optional_text(const JsonNode& node) {
  return node.null() ? std::nullopt : std::optional(node.text());
}

}  // namespace

std::unique_ptr<const TextModel> read_bpe(const JsonNode& root, ModelCollector& collected, const std::string& file) {
  const auto model = root.at("model");
  refuse_settings(model);
  model.at("merges").list();  // the list itself is kept, its items are in `collected`
  BpeOptions options;
  options.normalizer = read_normalizer(root.at("normalizer"));
  read_pre_tokenizer(root.at("pre_tokenizer"), options);
  options.decoder = read_decoder(root.at("decoder"));
  options.ignore_merges = model.at("ignore_merges").flag_or(false);
  options.byte_fallback = model.at("byte_fallback").flag_or(false);
  options.fuse_unk = model.at("fuse_unk").flag_or(false);
  options.unk_token = optional_text(model.at("unk_token"));
  Vocabulary vocabulary(collected.vocabulary(), file);
  const auto merges = resolve_merges(vocabulary, collected.merges(), file);
  return std::make_unique<BytePairEncoding>(std::move(vocabulary), merges, std::move(options), file);
}

}  // namespace frugal::tokenizers
