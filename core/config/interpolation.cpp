#include "core/config/interpolation.h"

#include "core/config/errors.h"
#include "core/config/interpolation_lexer.h"
#include "core/config/lexical.h"
#include "core/config/python.h"

namespace frugal::config {

namespace {

using interpolation::Mode;
using interpolation::Token;
using interpolation::TokenType;

constexpr int kMaxDepth = 100;

Expression literal(std::string text) {
  Expression expression;
  expression.value = Node::of(std::move(text));
  return expression;
}

class Parser {
 public:
  Parser(const std::string& text, Mode start) : source_(text), tokens_(interpolation::tokenize(text, start)) {}

  std::shared_ptr<const Expression> config_value() {
    auto expression = text(Expression::Kind::kText);
    expect(TokenType::kEnd);
    return std::make_shared<const Expression>(std::move(expression));
  }

  std::shared_ptr<const Expression> single_element() {
    auto expression = element();
    expect(TokenType::kEnd);
    return std::make_shared<const Expression>(std::move(expression));
  }

 private:
  // Counts nesting, so that hostile text cannot exhaust the stack.
  struct Level {
    explicit Level(Parser& parser) : depth(parser.depth_) {
      if (++depth > kMaxDepth) parser.unexpected();
    }
    ~Level() { --depth; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    int& depth;
  };

  const Token& peek() const { return tokens_[at_]; }
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
    fail("grammar_error", is(TokenType::kEnd) ? cat("'", source_, "' ends too early")
                                              : cat("unexpected '", peek().text, "' in '", source_, "'"));
  }

  bool is_text() const {
    switch (peek().type) {
      case TokenType::kAnyText:
      case TokenType::kEscape:
      case TokenType::kEscapedInter:
      case TokenType::kTopEscape:
      case TokenType::kQuotedEscape:
      case TokenType::kInterOpen: return true;
      default: return false;
    }
  }

  // (interpolation | literal text)+, with backslashes removed where they escape something.
  Expression text(Expression::Kind kind) {
    Expression out;
    out.kind = kind;
    if (!is_text()) unexpected();
    while (is_text()) {
      if (is(TokenType::kInterOpen)) {
        out.parts.push_back(interpolation());
        continue;
      }
      const auto token = take();
      out.parts.push_back(literal(unescaped(token)));
    }
    return out;
  }

  // Looks at the token after `token` too: backslashes in front of an interpolation, or of a closing quote, escape.
  std::string unescaped(const Token& token) const {
    const bool before_interpolation = is(TokenType::kInterOpen);
    switch (token.type) {
      case TokenType::kEscapedInter: return std::string(token.text.substr(token.text.size() - token.text.size() / 2 - 1));
      case TokenType::kEscape: return lexical::unescaped(token.text);
      case TokenType::kTopEscape:
        return before_interpolation ? lexical::unescaped(token.text) : std::string(token.text);
      case TokenType::kQuotedEscape:
        return before_interpolation || !is_text() ? lexical::unescaped(token.text) : std::string(token.text);
      default: return std::string(token.text);
    }
  }

  Expression interpolation() {
    const Level level(*this);
    expect(TokenType::kInterOpen);
    Expression out;
    out.kind = Expression::Kind::kNode;
    bool may_be_name = true;  // of a resolver: identifiers and interpolations between single dots
    while (take_if(TokenType::kDot)) {
      out.parts.push_back(literal("."));
      may_be_name = false;
    }
    config_key(out, may_be_name);
    while (!is(TokenType::kInterClose)) {
      if (may_be_name && is(TokenType::kColon)) return resolver(std::move(out));
      if (take_if(TokenType::kDot)) {
        out.parts.push_back(literal("."));
        key_name(out, may_be_name);
      } else {
        if (!is(TokenType::kBracketOpen)) unexpected();
        config_key(out, may_be_name);
      }
    }
    expect(TokenType::kInterClose);
    return out;
  }

  // name | [name]
  void config_key(Expression& out, bool& may_be_name) {
    if (!take_if(TokenType::kBracketOpen)) return key_name(out, may_be_name);
    may_be_name = false;
    out.parts.push_back(literal("["));
    key_name(out, may_be_name);
    expect(TokenType::kBracketClose);
    out.parts.push_back(literal("]"));
  }

  void key_name(Expression& out, bool& may_be_name) {
    if (is(TokenType::kInterOpen)) {
      out.parts.push_back(interpolation());
    } else if (is(TokenType::kId) || is(TokenType::kKey)) {
      may_be_name = may_be_name && is(TokenType::kId);
      out.parts.push_back(literal(std::string(take().text)));
    } else {
      unexpected();
    }
  }

  Expression resolver(Expression name) {
    name.kind = Expression::Kind::kResolver;
    expect(TokenType::kColon);
    if (!is(TokenType::kBraceClose)) name.arguments = sequence(TokenType::kBraceClose);
    expect(TokenType::kBraceClose);
    return name;
  }

  // Elements between commas; a missing one is the empty text.
  std::vector<Expression> sequence(TokenType end) {
    std::vector<Expression> out;
    while (true) {
      const bool missing = is(TokenType::kComma) || is(end);
      out.push_back(missing ? literal("") : element());
      if (!take_if(TokenType::kComma)) return out;
    }
  }

  Expression element() {
    const Level level(*this);
    if (take_if(TokenType::kQuoteOpen)) return quoted();
    if (take_if(TokenType::kBracketOpen)) return list();
    if (take_if(TokenType::kBraceOpen)) return dict();
    return primitive(true);
  }

  Expression quoted() {
    Expression out;
    out.kind = Expression::Kind::kQuoted;
    if (!is(TokenType::kQuoteClose)) out = text(Expression::Kind::kQuoted);
    expect(TokenType::kQuoteClose);
    return out;
  }

  Expression list() {
    Expression out;
    out.kind = Expression::Kind::kList;
    if (!is(TokenType::kBracketClose)) out.arguments = sequence(TokenType::kBracketClose);
    expect(TokenType::kBracketClose);
    return out;
  }

  Expression dict() {
    Expression out;
    out.kind = Expression::Kind::kDict;
    while (!is(TokenType::kBraceClose)) {
      auto key = primitive(false);
      out.keys.push_back(key.kind == Expression::Kind::kValue ? key.value : Node::of(joined(key)));
      expect(TokenType::kColon);
      out.arguments.push_back(element());
      if (!take_if(TokenType::kComma)) break;
      if (is(TokenType::kBraceClose)) unexpected();
    }
    expect(TokenType::kBraceClose);
    return out;
  }

  static std::string joined(const Expression& text) {
    std::string out;
    for (const auto& part : text.parts) out += part.value->text;
    return out;
  }

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
      case TokenType::kColon:
      case TokenType::kInterOpen: return value;
      default: return false;
    }
  }

  // One token keeps its type; several become text.
  Expression primitive(bool value) {
    if (!is_primitive(value)) unexpected();
    Expression out;
    out.kind = Expression::Kind::kText;
    NodePtr single;
    while (is_primitive(value)) {
      if (is(TokenType::kInterOpen)) {
        out.parts.push_back(interpolation());
        continue;
      }
      const auto token = take();
      single = typed(token);
      out.parts.push_back(
          literal(token.type == TokenType::kEscape ? lexical::unescaped(token.text) : std::string(token.text)));
    }
    if (out.parts.size() > 1 || !single) return out;
    Expression primitive;
    primitive.value = single;
    return primitive;
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

  const std::string& source_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

std::shared_ptr<const Expression> parse_interpolation(const std::string& text) {
  return Parser(text, Mode::kText).config_value();
}

std::shared_ptr<const Expression> parse_element(const std::string& text) {
  return Parser(text, Mode::kValue).single_element();
}

void check_interpolation(const std::string& text, const Mark& mark) {
  try {
    parse_interpolation(text);
  } catch (const Error& error) {
    fail(error.code(), error.message(), mark);
  }
}

}  // namespace frugal::config
