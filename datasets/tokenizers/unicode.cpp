#include "datasets/tokenizers/unicode.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/uniset.h>
#include <unicode/unistr.h>

#include "core/error.h"
#include "datasets/tokenizers/unicode_newer.h"

namespace frugal::tokenizers {

namespace {

constexpr unsigned kCategoriesMajor = 8;  // Unicode version of the reference's category tables

UChar32 icu_char(char32_t c) {
  return static_cast<UChar32>(c);
}

bool known_to_reference(char32_t c) {
  UVersionInfo age;
  u_charAge(icu_char(c), age);
  return age[0] != 0 && (age[0] < kCategoriesMajor || (age[0] == kCategoriesMajor && age[1] == 0));
}

// Simple lower case of letters that ICU 72 does not know yet (Unicode 16 and 17).
char32_t newer_lower(char32_t c) {
  if (c >= 0x10D50 && c <= 0x10D65) return c + 0x20;
  if (c >= 0x16EA0 && c <= 0x16EB8) return c + 0x1B;
  switch (c) {
    case 0x1C89:
    case 0xA7CC:
    case 0xA7CE:
    case 0xA7D2:
    case 0xA7D4:
    case 0xA7DA:
      return c + 1;
    case 0xA7CB:
      return 0x0264;
    case 0xA7DC:
      return 0x019B;
    default:
      return c;
  }
}

// Characters younger than Unicode 12.1 are left alone, as the reference's tables do not have them.
const icu::Normalizer2* filtered(const icu::Normalizer2* (*get)(UErrorCode&)) {
  UErrorCode status = U_ZERO_ERROR;
  const auto* form = get(status);
  static const icu::UnicodeSet known(u"[:age=12.1:]", status);
  if (U_FAILURE(status)) throw Error(ErrorKind::kEnvironment, "icu_data", cat("ICU: ", u_errorName(status)));
  return new icu::FilteredNormalizer2(*form, known);  // lives as long as the program
}

const icu::Normalizer2& decomposition() {
  static const auto* const instance = filtered(&icu::Normalizer2::getNFDInstance);
  return *instance;
}

const icu::Normalizer2& composition() {
  static const auto* const instance = filtered(&icu::Normalizer2::getNFCInstance);
  return *instance;
}

}  // namespace

bool is_other(char32_t c) {
  const auto type = u_charType(icu_char(c));
  return type == U_CONTROL_CHAR || type == U_PRIVATE_USE_CHAR || (type == U_FORMAT_CHAR && known_to_reference(c));
}

bool is_nonspacing_mark(char32_t c) {
  switch (c) {  // category changed after Unicode 8
    case 0x1734:
      return true;
    case 0x1885:
    case 0x1886:
    case 0xA9BD:
    case 0x111C9:
      return false;
    default:
      return u_charType(icu_char(c)) == U_NON_SPACING_MARK && known_to_reference(c);
  }
}

bool is_bert_punctuation(char32_t c) {
  if (c < 0x80) return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
  if (c == 0x166D || c == 0x111C9) return true;  // category changed after Unicode 8
  return u_ispunct(icu_char(c)) && known_to_reference(c);
}

bool is_whitespace(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r');
  return u_isUWhiteSpace(icu_char(c));
}

bool is_word_character(char32_t c) {
  constexpr std::uint32_t kWord = U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK;
  return u_isUAlphabetic(icu_char(c)) || (U_GET_GC_MASK(icu_char(c)) & kWord) != 0 ||
         u_hasBinaryProperty(icu_char(c), UCHAR_JOIN_CONTROL);
}

bool is_regex_letter(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return (U_GET_GC_MASK(icu_char(c)) & U_GC_L_MASK) != 0 ||
         (u_charType(icu_char(c)) == U_UNASSIGNED && newer::holds(newer::kLetters, c));
}

bool is_regex_number(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  return (U_GET_GC_MASK(icu_char(c)) & U_GC_N_MASK) != 0 ||
         (u_charType(icu_char(c)) == U_UNASSIGNED && newer::holds(newer::kNumbers, c));
}

bool is_numeric(char32_t c) {
  return is_regex_number(c) || newer::holds(newer::kNumbers17, c);
}

void append_lower(std::u32string& text, char32_t c) {
  if (c < 0x80) {
    text.push_back(c >= 'A' && c <= 'Z' ? c + 32 : c);
  } else if (c == 0x0130) {  // the only letter whose lower case is two code points, whatever stands around it
    text.push_back('i');
    text.push_back(0x0307);
  } else {
    text.push_back(newer_lower(static_cast<char32_t>(u_tolower(icu_char(c)))));
  }
}

std::u32string decompose(const std::u32string& text) {
  const auto source = icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32*>(text.data()),
                                                    static_cast<std::int32_t>(text.size()));
  icu::UnicodeString result;
  UErrorCode status = U_ZERO_ERROR;
  decomposition().normalize(source, result, status);
  std::u32string decomposed(static_cast<std::size_t>(result.countChar32()), U'\0');
  result.toUTF32(reinterpret_cast<UChar32*>(decomposed.data()), static_cast<std::int32_t>(decomposed.size()), status);
  if (U_FAILURE(status) && status != U_STRING_NOT_TERMINATED_WARNING)
    throw Error(ErrorKind::kEnvironment, "icu_failed", cat("ICU: ", u_errorName(status)));
  return decomposed;
}

std::string compose(std::string_view text) {
  const icu::StringPiece piece(text.data(), static_cast<std::int32_t>(text.size()));
  const auto source = icu::UnicodeString::fromUTF8(piece);
  UErrorCode status = U_ZERO_ERROR;
  icu::UnicodeString result;
  composition().normalize(source, result, status);
  if (U_FAILURE(status)) throw Error(ErrorKind::kEnvironment, "icu_failed", cat("ICU: ", u_errorName(status)));
  std::string composed;
  result.toUTF8String(composed);
  return composed;
}

}  // namespace frugal::tokenizers
