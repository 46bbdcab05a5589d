#include "datasets/tokenizers/pre_tokenizer.h"

#include "core/io/utf8.h"
#include "datasets/tokenizers/unicode.h"

namespace frugal::tokenizers {

namespace {

using Step = PreTokenizerStep;
using Views = std::vector<std::string_view>;

void split_digits(std::string_view text, bool individual, Views& out) {
  std::size_t start = 0;
  bool in_number = false;
  const auto cut = [&](std::size_t at) {
    if (at > start) out.push_back(text.substr(start, at - start));
    start = at;
  };
  for (std::size_t at = 0; at < text.size();) {
    const auto step = io::decode_utf8(text, at);
    const bool number = is_numeric(step.code_point);
    if (number != in_number || (number && individual)) cut(at);
    in_number = number;
    at += step.bytes;
  }
  cut(text.size());
}

void split_pattern(std::string_view text, WordPattern pattern, Views& out) {
  for (std::size_t at = 0; at < text.size();) {
    const auto end = word_end(pattern, text, at);
    out.push_back(text.substr(at, end - at));
    at = end;
  }
}

void split_metaspace(std::string_view text, const Step& step, bool at_start, Words& made, Views& out) {
  std::string changed;
  for (const char c : text) c == ' ' ? changed.append(step.replacement) : changed.append(1, c);
  const bool wanted = step.prepend == Step::Prepend::kAlways || (step.prepend == Step::Prepend::kFirst && at_start);
  if (wanted && !changed.starts_with(step.replacement)) changed.insert(0, step.replacement);
  const std::string_view whole = made.made.emplace_back(std::move(changed));
  std::size_t start = 0;
  for (auto at = whole.find(step.replacement, 1); step.split && at != std::string_view::npos;
       at = whole.find(step.replacement, at + 1)) {
    out.push_back(whole.substr(start, at - start));
    start = at;
  }
  out.push_back(whole.substr(start));
}

void apply(const Step& step, std::string_view text, bool at_start, Words& made, Views& out) {
  switch (step.kind) {
    case Step::Kind::kDigits:
      return split_digits(text, step.individual_digits, out);
    case Step::Kind::kPattern:
      return split_pattern(text, step.pattern, out);
    case Step::Kind::kPrefixSpace:
      out.push_back(text.starts_with(' ') ? text : std::string_view(made.made.emplace_back(" ").append(text)));
      return;
    case Step::Kind::kMetaspace:
      return split_metaspace(text, step, at_start, made, out);
  }
}

}  // namespace

void pre_tokenize(const PreTokenizer& steps, std::string_view text, bool at_start, Words& out) {
  out.words.assign(1, text);
  Views next;
  for (const auto& step : steps) {
    next.clear();
    next.reserve(out.words.size() + text.size() / 6);
    for (std::size_t i = 0; i < out.words.size(); ++i) apply(step, out.words[i], at_start && i == 0, out, next);
    out.words.swap(next);
  }
}

}  // namespace frugal::tokenizers
