#include "datasets/tokenizers/token_decoder.h"

#include <charconv>
#include <optional>

#include "core/io/utf8.h"
#include "core/text.h"
#include "datasets/tokenizers/byte_level.h"
#include "datasets/tokenizers/normalizer.h"

namespace frugal::tokenizers {

namespace {

using Tokens = std::vector<std::string>;

// A token with a character that stands for no byte is text as it is.
std::string byte_level(const Tokens& tokens) {
  std::string bytes;
  for (const auto& token : tokens) bytes += unspell_bytes(token).value_or(token);
  return valid_utf8(bytes);
}

// The byte of <0xNN>; from_chars takes the reference's digits in either case, but no sign, so "+A" is none here.
std::optional<char> fallback_byte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || !token.ends_with('>')) return std::nullopt;
  unsigned byte = 0;
  const auto* first = token.data() + 3;
  if (*first == '+') ++first;  // Rust's from_str_radix takes one
  const auto parsed = std::from_chars(first, token.data() + 5, byte, 16);
  if (parsed.ec != std::errc() || parsed.ptr != token.data() + 5) return std::nullopt;
  return static_cast<char>(byte);
}

Tokens byte_fallback(const Tokens& tokens) {
  Tokens result;
  std::string bytes;
  const auto flush = [&] {
    if (bytes.empty()) return;
    if (!io::first_invalid_utf8(bytes)) {
      result.push_back(bytes);
    } else {
      result.insert(result.end(), bytes.size(), "\uFFFD");
    }
    bytes.clear();
  };
  for (const auto& token : tokens) {
    if (const auto byte = fallback_byte(token)) {
      bytes.push_back(*byte);
    } else {
      flush();
      result.push_back(token);
    }
  }
  flush();
  return result;
}

void replace(std::string& token, const std::string& pattern, std::string_view content) {
  for (auto at = token.find(pattern); at != std::string::npos; at = token.find(pattern, at + content.size()))
    token.replace(at, pattern.size(), content);
}

void strip(std::string& token, const DecoderStep& step) {
  for (std::size_t i = 0; i < step.start && token.starts_with(step.content); ++i) token.erase(0, step.content.size());
  for (std::size_t i = 0; i < step.stop && token.ends_with(step.content); ++i)
    token.resize(token.size() - step.content.size());
}

void apply(const DecoderStep& step, Tokens& tokens) {
  switch (step.kind) {
    case DecoderStep::Kind::kByteLevel:
      tokens = {byte_level(tokens)};
      break;
    case DecoderStep::Kind::kByteFallback:
      tokens = byte_fallback(tokens);
      break;
    case DecoderStep::Kind::kFuse:
      tokens = {joined(tokens, "")};
      break;
    case DecoderStep::Kind::kReplace:
      for (auto& token : tokens) replace(token, step.pattern, step.content);
      break;
    case DecoderStep::Kind::kStrip:
      for (auto& token : tokens) strip(token, step);
      break;
    case DecoderStep::Kind::kMetaspace:
      for (std::size_t i = 0; i < tokens.size(); ++i)
        replace(tokens[i], step.pattern, i == 0 && step.strip_first ? "" : " ");
      break;
  }
}

}  // namespace

std::string decode_tokens(const TokenDecoder& steps, Tokens tokens) {
  if (steps.empty()) return joined(tokens, " ");
  for (const auto& step : steps) apply(step, tokens);
  return joined(tokens, "");
}

}  // namespace frugal::tokenizers
