#include "core/config/yaml_scalar.h"

#include <algorithm>
#include <array>

namespace frugal::config::yaml {

namespace {

// A hand-written matcher over one scalar: std::regex is fifty times slower and recursive.
class Matcher {
 public:
  explicit Matcher(std::string_view text) : rest_(text) {}

  bool sign() { return any("+-"); }
  bool any(std::string_view set) {
    if (rest_.empty() || set.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool literal(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  std::size_t many(std::string_view set) {
    const auto count = std::min(rest_.find_first_not_of(set), rest_.size());
    rest_.remove_prefix(count);
    return count;
  }
  // [0-9]+(_[0-9]+)*
  bool grouped_digits() {
    if (many(kDigits) == 0) return false;
    while (rest_.size() > 1 && rest_[0] == '_' && kDigits.find(rest_[1]) != std::string_view::npos) {
      rest_.remove_prefix(1);
      many(kDigits);
    }
    return true;
  }
  // (:[0-5]?[0-9])+
  bool sexagesimal_tail() {
    bool some = false;
    while (rest_.starts_with(':')) {
      auto tail = Matcher(rest_.substr(1));
      if (tail.rest_.size() > 1 && tail.rest_[0] <= '5' && is_digit(tail.rest_[0]) && is_digit(tail.rest_[1]))
        tail.rest_.remove_prefix(2);
      else if (!tail.any(kDigits))
        return false;
      rest_ = tail.rest_;
      some = true;
    }
    return some;
  }
  // [eE][-+]?[0-9]+, the sign demanded by YAML 1.1 only
  bool exponent(bool sign_required) {
    if (!any("eE")) return false;
    if (!sign() && sign_required) return false;
    return many(kDigits) > 0;
  }
  bool done() const { return rest_.empty(); }

  static constexpr std::string_view kDigits = "0123456789";
  static constexpr std::string_view kDigitsAndBars = "0123456789_";

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }
  std::string_view rest_;
};

constexpr auto kDigits = Matcher::kDigits;
constexpr auto kDigitsAndBars = Matcher::kDigitsAndBars;

Matcher after_sign(std::string_view text) {
  Matcher m(text);
  m.sign();
  return m;
}

bool is_int(std::string_view text) {
  const Matcher start = after_sign(text);
  Matcher m = start;
  if (m.literal("0b") && m.many("01_") > 0 && m.done()) return true;
  m = start;
  if (m.literal("0x") && m.many("0123456789abcdefABCDEF_") > 0 && m.done()) return true;
  m = start;
  if (m.literal("0") && (m.done() || (m.many("01234567_") > 0 && m.done()))) return true;
  m = start;
  if (!m.any("123456789")) return false;
  m.many(kDigitsAndBars);
  return m.done() || (m.sexagesimal_tail() && m.done());
}

bool is_special_float(std::string_view text) {
  if (text == ".nan" || text == ".NaN" || text == ".NAN") return true;
  Matcher m = after_sign(text);
  return (m.literal(".inf") || m.literal(".Inf") || m.literal(".INF")) && m.done();
}

// Digits, point, digits, exponent with a sign; `.5` takes no sign of its own.
bool is_yaml_float(std::string_view text) {
  Matcher m = after_sign(text);
  if (m.any(kDigits)) {
    m.many(kDigitsAndBars);
    Matcher whole = m;
    if (whole.literal(".")) {
      whole.many(kDigitsAndBars);
      if (whole.done() || (whole.exponent(true) && whole.done())) return true;
    }
    return m.sexagesimal_tail() && m.literal(".") && (m.many(kDigitsAndBars), m.done());
  }
  Matcher point(text);
  if (!point.literal(".") || !point.any(kDigits)) return false;
  point.many(kDigitsAndBars);
  return point.done() || (point.exponent(true) && point.done());
}

// OmegaConf's addition: an exponent needs no sign and no point.
bool is_omegaconf_float(std::string_view text) {
  Matcher m = after_sign(text);
  if (!m.grouped_digits()) return false;
  if (m.literal(".")) {
    m.many(kDigitsAndBars);
    return m.done() || (m.exponent(false) && m.done());
  }
  return m.exponent(false) && m.done();
}

}  // namespace

ScalarTag resolve_plain(std::string_view text) {
  static constexpr std::array<std::string_view, 18> kBools = {"yes", "Yes", "YES", "no",    "No",    "NO",
                                                              "true", "True", "TRUE", "false", "False", "FALSE",
                                                              "on",  "On",  "ON",  "off",   "Off",   "OFF"};
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return ScalarTag::kNull;
  if (text == "<<") return ScalarTag::kMerge;
  if (text == "=") return ScalarTag::kValue;
  if (std::find(kBools.begin(), kBools.end(), text) != kBools.end()) return ScalarTag::kBool;
  if (std::string_view("-+0123456789.").find(text[0]) == std::string_view::npos) return ScalarTag::kString;
  if (is_special_float(text) || is_yaml_float(text)) return ScalarTag::kFloat;
  if (is_int(text)) return ScalarTag::kInt;
  return is_omegaconf_float(text) ? ScalarTag::kFloat : ScalarTag::kString;
}

}  // namespace frugal::config::yaml
