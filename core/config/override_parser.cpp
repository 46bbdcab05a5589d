#include "core/config/errors.h"
#include "core/config/lexical.h"
#include "core/config/override.h"
#include "core/config/override_lexer.h"
#include "core/config/python.h"

namespace frugal::config {

namespace {

using grammar::Token;
using grammar::TokenType;

constexpr int kMaxDepth = 100;

// Backslashes in front of a quote are doubled by whoever quotes; elsewhere they stand for themselves.
std::string unquoted(std::string_view token) {
  const char quote = token[0];
  const auto text = token.substr(1);  // keeps the closing quote, which ends the last run of backslashes
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t run = 0;
    while (text[at + run] == '\\') ++run;
    if (text[at + run] == quote) {
      const bool closing = at + run + 1 == text.size();
      out += std::string(run / 2, '\\');
      if (!closing) out += quote;
      at += run + 1;
    } else {
      out += text.substr(at, run + 1);
      at += run + 1;
    }
  }
  return out;
}

class Parser {
 public:
  explicit Parser(const std::string& text) : text_(text), tokens_(grammar::tokenize(text)) {}

  Override run() {
    Override out;
    out.text = text_;
    if (take_if(TokenType::kTilde)) {
      out.type = OverrideType::kDelete;
    } else if (take_if(TokenType::kPlus)) {
      out.type = take_if(TokenType::kPlus) ? OverrideType::kForceAdd : OverrideType::kAdd;
    }
    key(out);
    if (out.type == OverrideType::kDelete && is(TokenType::kEnd)) return out;
    expect(TokenType::kEqual);
    value(out);
    expect(TokenType::kEnd);
    if (refused_) throw Error(*refused_);
    return out;
  }

 private:
  struct Level {
    explicit Level(Parser& parser) : depth(parser.depth_) {
      if (++depth > kMaxDepth) parser.unexpected();
    }
    ~Level() { --depth; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    int& depth;
  };

  const Token& peek(std::size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  bool is(TokenType type) const { return peek().type == type; }
  Token take() { return tokens_[at_++]; }
  bool take_if(TokenType type) {
    if (!is(type)) return false;
    ++at_;
    return true;
  }
  void expect(TokenType type) {
    if (!take_if(type)) unexpected();
  }

  [[noreturn]] void unexpected() const {
    fail("syntax_error", is(TokenType::kEnd) ? std::string("the override ends too early")
                                             : cat("unexpected '", peek().text, "'"),
         cat("override '", text_, "', character ", peek().position + 1),
         "quote values with special characters: key='value'");
  }

  // a.b | group/sub | either with @package; both parts may be empty.
  void key(Override& out) {
    if (is(TokenType::kId) && peek(1).type == TokenType::kSlash) {
      out.key = take().text;
      while (take_if(TokenType::kSlash)) {
        if (!is(TokenType::kId)) unexpected();
        out.key += "/" + std::string(take().text);
      }
    } else {
      out.key = package();
    }
    if (take_if(TokenType::kAt)) out.package = package();
  }

  std::string package() {
    if (is(TokenType::kId) || is(TokenType::kKeySpecial) || is(TokenType::kDotPath)) return std::string(take().text);
    return {};
  }

  void value(Override& out) {
    out.value_kind = ValueKind::kElement;
    if (is(TokenType::kEnd)) {
      out.value.scalar = Node::of(std::string());
      return;
    }
    out.value = element();
    if (is(TokenType::kComma)) {
      auto sweep = std::make_shared<Sweep>();
      sweep->simple = true;
      sweep->choices.push_back(std::move(out.value));
      while (take_if(TokenType::kComma)) sweep->choices.push_back(element());
      out.value = Element{.kind = Element::Kind::kSweep, .sweep = std::move(sweep)};
    }
    if (out.value.kind == Element::Kind::kSweep) out.value_kind = kind_of(*out.value.sweep);
  }

  static ValueKind kind_of(const Sweep& sweep) {
    switch (sweep.type) {
      case Sweep::Type::kChoice: return sweep.simple ? ValueKind::kChoiceList : ValueKind::kChoice;
      case Sweep::Type::kRange: return ValueKind::kRange;
      case Sweep::Type::kInterval: return ValueKind::kInterval;
      default: return ValueKind::kGlob;
    }
  }

  Element element() {
    const Level level(*this);
    if (is(TokenType::kId) && peek(1).type == TokenType::kParenOpen) return function();
    if (take_if(TokenType::kBracketOpen)) return list();
    if (take_if(TokenType::kBraceOpen)) return dict();
    if (is(TokenType::kQuoted)) {
      const auto text = take().text;
      return {.kind = Element::Kind::kQuoted, .scalar = Node::of(unquoted(text)), .quote = text[0]};
    }
    return primitive(true);
  }

  Element list() {
    Element out{.kind = Element::Kind::kList};
    if (!is(TokenType::kBracketClose)) {
      do out.items.push_back(element());
      while (take_if(TokenType::kComma));
    }
    expect(TokenType::kBracketClose);
    return out;
  }

  Element dict() {
    Element out{.kind = Element::Kind::kDict};
    if (!is(TokenType::kBraceClose)) {
      do {
        auto name = primitive(false);
        expect(TokenType::kColon);
        out.entries.emplace_back(std::move(name), element());
      } while (take_if(TokenType::kComma));
    }
    expect(TokenType::kBraceClose);
    return out;
  }

  Element function() {
    const auto start = peek().position;
    FunctionCall call{.name = std::string(take().text)};
    expect(TokenType::kParenOpen);
    if (!is(TokenType::kParenClose)) {
      do argument(call);
      while (take_if(TokenType::kComma));
    }
    expect(TokenType::kParenClose);
    try {
      if (positional_after_named_) fail("syntax_error", "a positional argument follows a named one");
      return call_function(std::move(call));
    } catch (const Error& error) {
      return refuse({error.kind(), error.code(), error.message(), place(start), error.hint()});
    }
  }

  // What the grammar allows but the meaning does not is reported once the whole text is known to be a sentence.
  Element refuse(Error error) {
    if (!refused_) refused_ = std::move(error);
    return {.scalar = Node::null()};
  }

  void argument(FunctionCall& call) {
    if (is(TokenType::kId) && peek(1).type == TokenType::kEqual) {
      const std::string name(take().text);
      expect(TokenType::kEqual);
      auto value = element();
      for (auto& [known, old] : call.named)
        if (known == name) {
          old = std::move(value);
          return;
        }
      call.named.emplace_back(name, std::move(value));
      return;
    }
    if (!call.named.empty()) positional_after_named_ = true;
    call.arguments.push_back(element());
  }

  std::string place(std::size_t position) const { return cat("override '", text_, "', character ", position + 1); }

  bool is_primitive(bool value) const {
    switch (peek().type) {
      case TokenType::kId:
      case TokenType::kNull:
      case TokenType::kInt:
      case TokenType::kFloat:
      case TokenType::kBool:
      case TokenType::kUnquotedChar:
      case TokenType::kEscape:
      case TokenType::kBlanks: return true;
      case TokenType::kInterpolation:
      case TokenType::kColon: return value;
      default: return false;
    }
  }

  // One token keeps its type; several become one text. Blanks at both ends fall away.
  Element primitive(bool value) {
    if (!is_primitive(value)) unexpected();
    const auto first = at_;
    while (is_primitive(value)) ++at_;
    auto from = first;
    auto to = at_;
    if (tokens_[from].type == TokenType::kBlanks) ++from;
    if (from < to && tokens_[to - 1].type == TokenType::kBlanks) --to;
    if (from == to)
      return refuse({ErrorKind::kUsage, "syntax_error", "the value is all blanks", place(tokens_[first].position)});
    if (to - from == 1) return {.scalar = typed(tokens_[from])};
    std::string text;
    for (auto i = from; i < to; ++i)
      text += tokens_[i].type == TokenType::kEscape ? lexical::unescaped(tokens_[i].text) : std::string(tokens_[i].text);
    return {.scalar = Node::of(std::move(text))};
  }

  static NodePtr typed(const Token& token) {
    switch (token.type) {
      case TokenType::kNull: return Node::null();
      case TokenType::kInt: return Node::of_digits(python::parse_int(token.text).value());
      case TokenType::kFloat: return Node::of(python::parse_float(token.text).value());
      case TokenType::kBool: return Node::of(token.text.size() == 4);
      case TokenType::kEscape: return Node::of(lexical::unescaped(token.text));
      default: return Node::of(std::string(token.text));
    }
  }

  const std::string& text_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool positional_after_named_ = false;
  std::optional<Error> refused_;
};

}  // namespace

Override parse_override(const std::string& text) {
  return Parser(text).run();
}

std::vector<Override> parse_overrides(const std::vector<std::string>& texts) {
  std::vector<Override> out;
  out.reserve(texts.size());
  for (const auto& text : texts) out.push_back(parse_override(text));
  return out;
}

std::string Override::key_element() const {
  static constexpr std::string_view kPrefixes[] = {"", "+", "++", "~"};
  return cat(kPrefixes[static_cast<std::size_t>(type)], key, package ? "@" + *package : "");
}

Mark Override::mark() const {
  return {std::make_shared<const std::string>("override '" + text + "'"), 0, 0};
}

}  // namespace frugal::config
