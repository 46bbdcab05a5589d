// Overrides of the command line: "a.b=1", "+db@backup=mysql", "~x", "lr=choice(0.1,0.2)". Hydra 1.3's grammar.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config/node.h"

namespace frugal::config {

enum class OverrideType { kChange, kAdd, kForceAdd, kDelete };
enum class ValueKind { kNone, kElement, kChoiceList, kChoice, kRange, kInterval, kGlob };

struct Sweep;

// A parsed value: a typed scalar, a quoted text, a list, a dict, or a sweep made by a function.
struct Element {
  enum class Kind { kScalar, kQuoted, kList, kDict, kSweep };
  Kind kind = Kind::kScalar;
  NodePtr scalar{};  // also the text of a quoted one
  char quote = '\0';
  std::vector<Element> items{};
  std::vector<std::pair<Element, Element>> entries{};
  std::shared_ptr<Sweep> sweep{};
};

struct Sweep {
  enum class Type { kChoice, kRange, kInterval, kGlob };
  Type type = Type::kChoice;
  std::set<std::string> tags;
  bool shuffle = false;
  std::vector<Element> choices;  // kChoice
  bool simple = false;           // "a,b" rather than choice(a,b)
  NodePtr start, stop, step;     // kRange; an interval is start to stop
  std::vector<std::string> include, exclude;  // kGlob
};

struct Override {
  OverrideType type = OverrideType::kChange;
  std::string key;                     // dotted key or group
  std::optional<std::string> package;  // after '@'
  ValueKind value_kind = ValueKind::kNone;
  Element value;
  std::string text;  // as typed

  bool is_sweep() const { return value_kind != ValueKind::kNone && value_kind != ValueKind::kElement; }
  bool is_hydra() const { return key.starts_with("hydra.") || key.starts_with("hydra/"); }
  // "+db@backup": prefix, key and package.
  std::string key_element() const;
  Mark mark() const;  // "override 'a.b=1'"
};

// Throws syntax_error (no such sentence) or eval_error (a function refuses its arguments).
Override parse_override(const std::string& text);
std::vector<Override> parse_overrides(const std::vector<std::string>& texts);

// The value as a config node; quoted texts lose their quotes. Throws override_merge_error where a sweep hides inside.
NodePtr to_node(const Element& element, const Mark& mark);
// The value as it would be typed, special characters escaped.
std::string to_text(const Element& element);

// Names of functions, for completion and messages.
std::vector<std::string> override_functions();
// The function's value; throws eval_error.
struct FunctionCall {
  std::string name{};
  std::vector<Element> arguments{};
  std::vector<std::pair<std::string, Element>> named{};
};
Element call_function(FunctionCall call);

}  // namespace frugal::config
