// Text as OmegaConf.to_yaml writes it: PyYAML's block style, lines folded at 80 columns, texts that would read as
// something else in single quotes.
#include <algorithm>
#include <array>
#include <cstdio>

#include "core/config/compose.h"
#include "core/config/python.h"
#include "core/config/yaml_scalar.h"

namespace frugal::config {

namespace {

using Text = std::u32string;

constexpr std::size_t kWidth = 80;
constexpr std::size_t kLongestSimpleKey = 128;
constexpr std::size_t kIndent = 2;

Text decoded(const std::string& bytes) {
  Text out;
  for (std::size_t i = 0; i < bytes.size();) {
    const auto first = static_cast<unsigned char>(bytes[i]);
    const std::size_t length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    char32_t value = length == 1 ? first : first & (0xFFU >> (length + 1));
    for (std::size_t k = 1; k < length && i + k < bytes.size(); ++k)
      value = (value << 6U) | (static_cast<unsigned char>(bytes[i + k]) & 0x3FU);
    out += value;
    i += length;
  }
  return out;
}

std::string encoded(char32_t c) {
  std::string out;
  const auto tail = [&](unsigned shift) { out += static_cast<char>(0x80U | ((c >> shift) & 0x3FU)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0U | (c >> 6U));
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0U | (c >> 12U));
    tail(6), tail(0);
  } else {
    out += static_cast<char>(0xF0U | (c >> 18U));
    tail(12), tail(6), tail(0);
  }
  return out;
}

bool is_break(char32_t c) {
  return c == '\n' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

bool is_white(char32_t c) {
  return c == 0 || c == ' ' || c == '\t' || c == '\r' || is_break(c);
}

bool one_of(char32_t c, std::string_view set) {
  return c < 0x80 && set.find(static_cast<char>(c)) != std::string_view::npos;
}

bool is_plain_unicode(char32_t c) {
  return c == 0x85 || (c >= 0xA0 && c <= 0xD7FF) || (c >= 0xE000 && c <= 0xFFFD && c != 0xFEFF) || c >= 0x10000;
}

// Which styles a text can take.
struct Analysis {
  bool plain = true;
  bool single_quoted = true;
  bool multiline = false;
};

// Characters that mean something at their place in a block.
bool has_indicators(const Text& text) {
  if (text.starts_with(U"---") || text.starts_with(U"...")) return true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = text[i];
    const bool before_white = i + 1 >= text.size() || is_white(text[i + 1]);
    if (i == 0 && (one_of(c, "#,[]{}&*!|>'\"%@`") || (one_of(c, "?:-") && before_white))) return true;
    if (i > 0 && ((c == ':' && before_white) || (c == '#' && is_white(text[i - 1])))) return true;
  }
  return false;
}

Analysis analyzed(const Text& text) {
  Analysis out;
  if (text.empty()) return out;
  bool special = false;
  bool space_then_break = false;
  bool break_then_space = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = text[i];
    out.multiline = out.multiline || is_break(c);
    special = special || !(c == '\n' || (c >= 0x20 && c <= 0x7E) || is_plain_unicode(c));
    if (i > 0 && c == ' ' && is_break(text[i - 1])) break_then_space = true;
    if (i > 0 && is_break(c) && text[i - 1] == ' ') space_then_break = true;
  }
  const bool blank_end = text.front() == ' ' || text.back() == ' ' || is_break(text.front()) || is_break(text.back());
  out.single_quoted = !break_then_space && !space_then_break && !special;
  out.plain = out.single_quoted && !blank_end && !out.multiline && !has_indicators(text);
  return out;
}

bool is_timestamp(const std::string& text) {
  const auto digit = [&](std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
  const auto digits = [&](std::size_t from, std::size_t most) {
    std::size_t n = 0;
    while (n < most && digit(from + n)) ++n;
    return n;
  };
  if (digits(0, 4) != 4 || text.size() < 8 || text[4] != '-') return false;
  std::size_t at = 5;
  const auto month = digits(at, 2);
  at += month;
  if (month == 0 || at >= text.size() || text[at] != '-') return false;
  const auto day = digits(++at, 2);
  at += day;
  if (day == 0) return false;
  if (at == text.size()) return month == 2 && day == 2;
  // A date and a time after blanks or 'T'; its colon settles it.
  if (text[at] != 'T' && text[at] != 't' && text[at] != ' ' && text[at] != '\t') return false;
  const auto time = text.find_first_not_of(" \tTt", at);
  if (time == std::string::npos) return false;
  const auto hours = digits(time, 2);
  return hours > 0 && time + hours + 6 <= text.size() && text[time + hours] == ':' &&
         digits(time + hours + 1, 2) == 2 && text[time + hours + 3] == ':' && digits(time + hours + 4, 2) == 2;
}

// Texts that OmegaConf quotes, and texts that a YAML reader would take for something else.
bool needs_quotes(const std::string& text) {
  static constexpr std::array<std::string_view, 4> kShortBools = {"y", "Y", "n", "N"};
  const auto tag = yaml::resolve_plain(text);
  return tag != yaml::ScalarTag::kString ||
         std::find(kShortBools.begin(), kShortBools.end(), text) != kShortBools.end() || python::parse_int(text) ||
         python::parse_float(text) || is_timestamp(text);
}

class Writer {
 public:
  std::string run(const Node& root) {
    value(root, 0, true);
    out_ += '\n';
    return std::move(out_);
  }

 private:
  void put(const std::string& text) {
    for (const char c : text) column_ += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1U : 0U;
    out_ += text;
  }
  void put(const Text& text, std::size_t from, std::size_t to) {
    for (auto i = from; i < to; ++i) put(encoded(text[i]));
  }
  void new_line(std::size_t indent) {
    out_ += '\n';
    out_.append(indent, ' ');
    column_ = indent;
  }

  // `here`: the cursor stands where a block may start (line start, or after "- ").
  void value(const Node& node, std::size_t indent, bool here) {
    if (node.is_dict() && !node.entries.empty()) return dict(node, indent, here);
    if (node.is_list() && !node.items.empty()) return list(node, indent, here);
    if (!here) put(" ");
    if (node.is_container()) return put(node.is_dict() ? "{}" : "[]");
    scalar(node, indent, false);
  }

  void dict(const Node& node, std::size_t indent, bool here) {
    for (const auto& [key, child] : node.entries) {
      if (!here) new_line(indent);
      here = false;
      const auto text = decoded(key.text);
      const auto key_node = key.is_text() ? Node::of(key.text) : Node::null();
      const bool simple = !text.empty() && !analyzed(text).multiline && text.size() < kLongestSimpleKey;
      if (!simple) put("? ");
      if (key.is_text())
        scalar(*key_node, indent + kIndent, simple);
      else
        put(key.text);
      if (!simple) {
        new_line(indent);
        put(": ");
        value(*child, indent + kIndent, true);
        continue;
      }
      put(":");
      // A list below a key is not indented further.
      value(*child, child->is_list() ? indent : indent + kIndent, false);
    }
  }

  void list(const Node& node, std::size_t indent, bool here) {
    for (const auto& item : node.items) {
      if (!here) new_line(indent);
      here = false;
      put("- ");
      value(*item, indent + kIndent, true);
    }
  }

  void scalar(const Node& node, std::size_t indent, bool is_key) {
    switch (node.kind) {
      case NodeKind::kNull:
        return put("null");
      case NodeKind::kBool:
        return put(node.boolean ? "true" : "false");
      case NodeKind::kInt:
        return put(python_text(node));
      case NodeKind::kFloat:
        return put(float_literal(node.real));
      default:
        break;
    }
    const auto text = decoded(node.text);
    const auto styles = analyzed(text);
    const auto continuation = std::max(indent, kIndent);
    if (!needs_quotes(node.text) && styles.plain)
      plain(text, continuation, is_key);
    else if (styles.single_quoted && !(is_key && styles.multiline))
      single_quoted(text, continuation, is_key);
    else
      double_quoted(text, continuation, is_key);
  }

  static std::string float_literal(double value) {
    auto text = python::float_repr(value);
    if (text == "nan") return ".nan";
    if (text == "inf" || text == "-inf") return text == "inf" ? ".inf" : "-.inf";
    const auto exponent = text.find('e');
    if (exponent != std::string::npos && text.find('.') == std::string::npos) text.insert(exponent, ".0");
    return text;
  }

  void plain(const Text& text, std::size_t indent, bool is_key) {
    for (std::size_t start = 0; start < text.size();) {
      auto end = start;
      const bool blanks = text[start] == ' ';
      while (end < text.size() && (text[end] == ' ') == blanks) ++end;
      if (blanks && end == start + 1 && column_ > kWidth && !is_key)
        new_line(indent);
      else
        put(text, start, end);
      start = end;
    }
  }

  void single_quoted(const Text& text, std::size_t indent, bool is_key) {
    put("'");
    for (std::size_t start = 0; start < text.size();) {
      auto end = start;
      if (text[start] == ' ') {
        while (end < text.size() && text[end] == ' ') ++end;
        if (end == start + 1 && column_ > kWidth && !is_key && start != 0 && end != text.size())
          new_line(indent);
        else
          put(text, start, end);
      } else if (is_break(text[start])) {
        while (end < text.size() && is_break(text[end])) ++end;
        for (auto i = start; i < end; ++i) out_ += encoded(text[i]);  // each break, and one more below
        new_line(indent);
      } else {
        while (end < text.size() && text[end] != ' ' && !is_break(text[end])) ++end;
        for (auto i = start; i < end; ++i) put(text[i] == '\'' ? "''" : encoded(text[i]));
      }
      start = end;
    }
    put("'");
  }

  static std::string escaped(char32_t c) {
    static constexpr std::pair<char32_t, const char*> kNamed[] = {
        {0, "0"},  {7, "a"},    {8, "b"},     {9, "t"},    {10, "n"},   {11, "v"},     {12, "f"},     {13, "r"},
        {27, "e"}, {'"', "\""}, {'\\', "\\"}, {0x85, "N"}, {0xA0, "_"}, {0x2028, "L"}, {0x2029, "P"},
    };
    for (const auto& [value, name] : kNamed)
      if (value == c) return std::string("\\") + name;
    std::array<char, 16> buffer{};
    std::snprintf(buffer.data(), buffer.size(),
                  c <= 0xFF     ? "\\x%02X"
                  : c <= 0xFFFF ? "\\u%04X"
                                : "\\U%08X",
                  static_cast<unsigned>(c));
    return buffer.data();
  }

  void double_quoted(const Text& text, std::size_t indent, bool is_key) {
    put("\"");
    std::size_t start = 0;
    for (std::size_t end = 0; end <= text.size(); ++end) {
      const bool last = end == text.size();
      const auto c = last ? U'\0' : text[end];
      const bool direct = !last && c != '"' && c != '\\' && c != 0xFEFF && !(is_break(c) && c != '\n') &&
                          ((c >= 0x20 && c <= 0x7E) || (c >= 0xA0 && c <= 0xD7FF) || (c >= 0xE000 && c <= 0xFFFD));
      if (!direct) {
        put(text, start, end);
        start = end;
        if (!last) {
          put(escaped(c));
          start = end + 1;
        }
      }
      const bool inside = end > 0 && end + 1 < text.size();
      if (inside && (c == ' ' || start >= end) && column_ + end > kWidth + start && !is_key) {
        put(text, start, std::max(start, end));
        start = std::max(start, end);
        put("\\");
        new_line(indent);
        if (start < text.size() && text[start] == ' ') put("\\");
      }
    }
    put("\"");
  }

  std::string out_;
  std::size_t column_ = 0;
};

}  // namespace

std::string yaml_text(const Node& node) {
  return Writer().run(node);
}

}  // namespace frugal::config
