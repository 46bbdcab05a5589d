// The regular expressions by which byte-level BPE tokenizers cut text into words, as scanners: alternatives are tried
// in the order of the expression, each match starts where the last one ended, and together they cover every text.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace frugal::tokenizers {

enum class WordPattern { kGpt2, kLlama3, kQwen2 };

// Radford et al. 2019 (and, with digits split before, SmolLM); Llama 3; Qwen 2.
inline constexpr std::string_view kGpt2Regex =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kLlama3Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view kQwen2Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

// Empty for an expression that none of the scanners implements.
std::optional<WordPattern> word_pattern(std::string_view regex);

// End of the word that starts at `at`; text is UTF-8, at < text.size().
std::size_t word_end(WordPattern pattern, std::string_view text, std::size_t at);

}  // namespace frugal::tokenizers
