#include "datasets/tokenizers/word_patterns.h"

#include <array>
#include <cstdint>

#include "core/io/utf8.h"
#include "datasets/tokenizers/unicode.h"

namespace frugal::tokenizers {

namespace {

// What the expressions tell apart: \p{L}, \p{N}, [\r\n], the rest of \s, everything else.
enum class Class : std::uint8_t { kLetter, kNumber, kNewline, kSpace, kOther };

struct Step {
  Class cls;
  std::uint8_t bytes;
};

Class class_of(char32_t c) {
  if (c == '\r' || c == '\n') return Class::kNewline;
  if (is_regex_letter(c)) return Class::kLetter;
  if (is_regex_number(c)) return Class::kNumber;
  return is_whitespace(c) ? Class::kSpace : Class::kOther;
}

const std::array<Class, 128>& ascii_classes() {
  static const auto classes = [] {
    std::array<Class, 128> result{};
    for (char32_t c = 0; c < 128; ++c) result[c] = class_of(c);
    return result;
  }();
  return classes;
}

// Walks one text. All positions are between characters.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text), ascii_(ascii_classes()) {}

  Step step(std::size_t at) const {
    const auto byte = static_cast<unsigned char>(text_[at]);
    if (byte < 128) return {ascii_[byte], 1};
    const auto decoded = io::decode_utf8(text_, at);
    return {class_of(decoded.code_point), static_cast<std::uint8_t>(decoded.bytes)};
  }
  std::optional<Step> step_if(std::size_t at) const {
    return at < text_.size() ? std::optional(step(at)) : std::nullopt;
  }
  bool is(std::size_t at, Class cls) const { return at < text_.size() && step(at).cls == cls; }
  // End of the run of this class from `at`, at most `most` characters.
  std::size_t run(std::size_t at, Class cls, std::size_t most = SIZE_MAX) const {
    while (most-- > 0 && at < text_.size()) {
      const auto next = step(at);
      if (next.cls != cls) break;
      at += next.bytes;
    }
    return at;
  }
  bool space(std::size_t at) const { return text_[at] == ' '; }

  std::size_t contraction(std::size_t at, bool any_case) const;
  std::size_t white_space(std::size_t at, bool newlines_end) const;

 private:
  std::string_view text_;
  const std::array<Class, 128>& ascii_;
};

// End of 's 't 're 've 'm 'll 'd from `at`; `at` when there is none. Any case: U+017F folds to s.
std::size_t Scanner::contraction(std::size_t at, bool any_case) const {
  if (text_[at] != '\'') return at;
  const auto letter = [&](std::size_t i) -> char {
    if (i >= text_.size()) return '\0';
    const char c = text_[i];
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  };
  if (any_case && text_.substr(at + 1).starts_with("\u017F")) return at + 3;
  const char first = letter(at + 1), second = letter(at + 2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
  const bool two =
      (first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l');
  return two ? at + 3 : at;
}

// \s*[\r\n]+ (if newlines_end), else \s+(?!\S), else \s+, from white space at `at`: up to the run's last line break;
// else the run without its last character, which goes with the word after it; else all of it.
std::size_t Scanner::white_space(std::size_t at, bool newlines_end) const {
  std::size_t end = at, last = at, line = at;  // last: where the run's last character starts
  for (auto next = step_if(end); next && (next->cls == Class::kSpace || next->cls == Class::kNewline);
       next = step_if(end)) {
    last = end;
    end += next->bytes;
    if (next->cls == Class::kNewline) line = end;
  }
  if (newlines_end && line > at) return line;
  return end == text_.size() || last == at ? end : last;
}

std::size_t gpt2_end(const Scanner& scan, std::size_t at) {
  if (const auto end = scan.contraction(at, false); end > at) return end;
  auto from = at;
  auto first = scan.step(at);
  if (scan.space(at))
    if (const auto next = scan.step_if(at + 1); next && next->cls != Class::kSpace && next->cls != Class::kNewline) {
      from = at + 1;
      first = *next;
    }
  if (first.cls == Class::kSpace || first.cls == Class::kNewline) return scan.white_space(at, false);
  return scan.run(from + first.bytes, first.cls);
}

// Llama 3 and Qwen 2 differ in the most digits of a word.
std::size_t llama3_end(const Scanner& scan, std::size_t at, std::size_t most_digits) {
  if (const auto end = scan.contraction(at, true); end > at) return end;
  const auto first = scan.step(at);
  if (first.cls == Class::kLetter) return scan.run(at, Class::kLetter);
  if (first.cls == Class::kNumber) return scan.run(at, Class::kNumber, most_digits);
  const auto after = at + first.bytes;
  if (first.cls != Class::kNewline && scan.is(after, Class::kLetter)) return scan.run(after, Class::kLetter);
  const bool spaced = scan.space(at) && scan.is(after, Class::kOther);
  if (spaced || first.cls == Class::kOther) return scan.run(scan.run(after, Class::kOther), Class::kNewline);
  return scan.white_space(at, true);
}

}  // namespace

std::optional<WordPattern> word_pattern(std::string_view regex) {
  if (regex == kGpt2Regex) return WordPattern::kGpt2;
  if (regex == kLlama3Regex) return WordPattern::kLlama3;
  if (regex == kQwen2Regex) return WordPattern::kQwen2;
  return std::nullopt;
}

std::size_t word_end(WordPattern pattern, std::string_view text, std::size_t at) {
  const Scanner scan(text);
  switch (pattern) {
    case WordPattern::kGpt2:
      return gpt2_end(scan, at);
    case WordPattern::kLlama3:
      return llama3_end(scan, at, 3);
    case WordPattern::kQwen2:
      return llama3_end(scan, at, 1);
  }
  return text.size();
}

}  // namespace frugal::tokenizers
