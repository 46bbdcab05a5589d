// The grammar of interpolations: "${a.b}", "${oc.env:HOME,none}", "x_${a}_${b}", with escapes and nesting.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config/node.h"

namespace frugal::config {

// One parsed expression. Which members matter depends on `kind`.
struct Expression {
  enum class Kind {
    kValue,     // value: a typed primitive
    kText,      // parts, concatenated as text; a single interpolation keeps its type
    kQuoted,    // parts, always text
    kNode,      // parts: pieces of a dotted key, "${a.${b}[c]}"
    kResolver,  // parts: pieces of the name between dots; arguments
    kList,      // arguments
    kDict,      // keys with arguments
  };

  Kind kind = Kind::kValue;
  NodePtr value;
  std::vector<Expression> parts;
  std::vector<Expression> arguments;
  std::vector<NodePtr> keys;
};

// A whole config value that contains "${". Throws grammar_error.
std::shared_ptr<const Expression> parse_interpolation(const std::string& text);
// One element, as oc.decode takes it: "[1, ${a}]". Throws grammar_error.
std::shared_ptr<const Expression> parse_element(const std::string& text);
// Throws grammar_error with the place when the text is no valid interpolation.
void check_interpolation(const std::string& text, const Mark& mark);

}  // namespace frugal::config
