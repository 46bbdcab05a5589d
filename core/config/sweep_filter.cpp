#include "core/config/sweep_filter.h"

#include <algorithm>
#include <cmath>

#include "core/config/errors.h"
#include "core/config/lexical.h"
#include "core/config/numbers.h"
#include "core/config/python.h"

namespace frugal::config {

namespace {

constexpr int kMaxDepth = 50;

bool truth(const Node& value) {
  switch (value.kind) {
    case NodeKind::kNull:
      return false;
    case NodeKind::kList:
      return !value.items.empty();
    case NodeKind::kDict:
      return !value.entries.empty();
    case NodeKind::kString:
      return !value.text.empty();
    default:
      return as_double(value) != 0;
  }
}

class Evaluator {
 public:
  Evaluator(const std::string& text, const Composition& job) : text_(text), rest_(text), job_(job) {}

  bool run() {
    const auto value = disjunction();
    skip();
    if (!rest_.empty()) refuse(cat("unexpected '", rest_.substr(0, 1), "'"));
    return truth(*value);
  }

 private:
  [[noreturn]] void refuse(const std::string& message) const {
    fail("eval_error", message, cat("hydra.sweep.filter '", text_, "', character ", text_.size() - rest_.size() + 1));
  }

  void skip() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size())); }

  bool take(std::string_view symbol) {
    skip();
    if (!rest_.starts_with(symbol)) return false;
    const bool is_word = symbol[0] >= 'a' && symbol[0] <= 'z';
    if (is_word && lexical::identifier(rest_) != symbol.size()) return false;
    rest_.remove_prefix(symbol.size());
    return true;
  }

  // Both sides are always evaluated, so that a mistake shows in every job.
  NodePtr disjunction() {
    auto left = conjunction();
    while (take("or")) {
      const auto right = conjunction();
      left = Node::of(truth(*left) || truth(*right));
    }
    return left;
  }

  NodePtr conjunction() {
    auto left = negation();
    while (take("and")) {
      const auto right = negation();
      left = Node::of(truth(*left) && truth(*right));
    }
    return left;
  }

  NodePtr negation() {
    if (take("not")) return Node::of(!truth(*negation()));
    return comparison();
  }

  NodePtr comparison() {
    auto left = sum();
    if (take("==")) return Node::of(equal(*left, *sum()));
    if (take("!=")) return Node::of(!equal(*left, *sum()));
    if (take("<=")) return Node::of(!ordered(*sum(), *left));
    if (take(">=")) return Node::of(!ordered(*left, *sum()));
    if (take("<")) return Node::of(ordered(*left, *sum()));
    if (take(">")) return Node::of(ordered(*sum(), *left));
    if (take("in")) {
      const auto list = sum();
      if (!list->is_list()) refuse("'in' needs a list on its right");
      return Node::of(std::any_of(list->items.begin(), list->items.end(),
                                  [&](const NodePtr& item) { return equal(*item, *left); }));
    }
    return left;
  }

  bool ordered(const Node& a, const Node& b) const {
    if (is_number(a) && is_number(b)) return less(a, b);
    if (a.is_string() && b.is_string()) return a.text < b.text;
    refuse(cat("cannot order ", python_text(a), " and ", python_text(b)));
  }

  NodePtr sum() {
    auto left = term();
    while (true) {
      if (take("+")) {
        left = arithmetic(*left, '+', *term());
      } else if (take("-")) {
        left = arithmetic(*left, '-', *term());
      } else {
        return left;
      }
    }
  }

  NodePtr term() {
    auto left = factor();
    while (true) {
      if (take("*")) {
        left = arithmetic(*left, '*', *factor());
      } else if (take("/")) {
        left = arithmetic(*left, '/', *factor());
      } else if (take("%")) {
        left = arithmetic(*left, '%', *factor());
      } else {
        return left;
      }
    }
  }

  NodePtr arithmetic(const Node& a, char op, const Node& b) const {
    if (!is_number(a) || !is_number(b)) refuse(cat("'", std::string(1, op), "' needs numbers"));
    const double x = as_double(a);
    const double y = as_double(b);
    if ((op == '/' || op == '%') && y == 0) refuse("division by zero");
    switch (op) {
      case '+':
        return Node::of(x + y);
      case '-':
        return Node::of(x - y);
      case '*':
        return Node::of(x * y);
      case '/':
        return Node::of(x / y);
      default:
        return Node::of(x - y * std::floor(x / y));
    }
  }

  NodePtr factor() {
    if (++depth_ > kMaxDepth) refuse("nested too deeply");
    auto value = primary();
    --depth_;
    return value;
  }

  NodePtr primary() {
    skip();
    if (take("(")) {
      auto value = disjunction();
      if (!take(")")) refuse("')' is missing");
      return value;
    }
    if (take("[")) return list();
    if (rest_.starts_with('\'') || rest_.starts_with('"')) return quoted();
    if (const auto number = std::max(lexical::floating(rest_), lexical::integer(rest_)); number > 0 && !is_name()) {
      const auto text = rest_.substr(0, number);
      const bool integral = lexical::integer(rest_) == number;
      rest_.remove_prefix(number);
      return integral ? Node::of_digits(python::parse_int(text).value()) : Node::of(python::parse_float(text).value());
    }
    if (take("-")) return arithmetic(*Node::of(std::int64_t{0}), '-', *factor());
    return name();
  }

  bool is_name() const { return lexical::identifier(rest_) > 0; }

  NodePtr list() {
    auto out = Node::list();
    while (!take("]")) {
      out->append(disjunction()->copy());
      if (!take(",") && !(skip(), rest_.starts_with(']'))) refuse("']' is missing");
    }
    return out;
  }

  NodePtr quoted() {
    const auto close = rest_.find(rest_[0], 1);
    if (close == std::string_view::npos) refuse("a quote is never closed");
    auto value = Node::of(std::string(rest_.substr(1, close - 1)));
    rest_.remove_prefix(close + 1);
    return value;
  }

  NodePtr name() {
    std::size_t length = 0;
    const auto is_part = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             std::string_view("_.@").find(c) != std::string_view::npos;
    };
    while (length < rest_.size() && is_part(rest_[length])) ++length;
    if (length == 0)
      refuse(rest_.empty() ? "the expression ends too early" : cat("unexpected '", rest_.substr(0, 1), "'"));
    const std::string name(rest_.substr(0, length));
    if (name == "true" || name == "false") return rest_.remove_prefix(length), Node::of(name == "true");
    if (name == "null") return rest_.remove_prefix(length), Node::null();
    for (const auto& [group, option] : job_.choices)
      if (group == name) return rest_.remove_prefix(length), option;
    auto value = select(job_.config, name);
    if (!value) refuse(cat("there is no key '", name, "'"));
    rest_.remove_prefix(length);
    return value;
  }

  const std::string& text_;
  std::string_view rest_;
  const Composition& job_;
  int depth_ = 0;
};

}  // namespace

bool passes_filter(const std::string& expression, const Composition& job) {
  return Evaluator(expression, job).run();
}

}  // namespace frugal::config
