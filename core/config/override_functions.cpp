// The functions of override values: casts and the makers and modifiers of sweeps.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <random>

#include "core/config/errors.h"
#include "core/config/numbers.h"
#include "core/config/override.h"
#include "core/config/python.h"

namespace frugal::config {

namespace {

using Kind = Element::Kind;
using Function = Element (*)(FunctionCall& call);

[[noreturn]] void refuse(const std::string& message) {
  fail("eval_error", message);
}

bool is_null(const Element& e) {
  return e.kind == Kind::kScalar && e.scalar->is_null();
}
bool is_text(const Element& e) {
  return e.kind == Kind::kScalar && e.scalar->is_string();
}
bool is_plain_number(const Element& e) {
  return e.kind == Kind::kScalar && is_number(*e.scalar);
}
bool is_sweep(const Element& e, Sweep::Type type) {
  return e.kind == Kind::kSweep && e.sweep->type == type;
}
bool is_any_sweep(const Element& e) {
  return e.kind == Kind::kSweep && e.sweep->type != Sweep::Type::kGlob;
}
// A text, number, bool, list or dict.
bool is_value(const Element& e) {
  return e.kind == Kind::kList || e.kind == Kind::kDict || (e.kind == Kind::kScalar && !e.scalar->is_null());
}
bool is_choice_or_range(const Element& e) {
  return is_sweep(e, Sweep::Type::kChoice) || is_sweep(e, Sweep::Type::kRange);
}

Element scalar(NodePtr node) {
  return {.kind = Kind::kScalar, .scalar = std::move(node)};
}

Element make_sweep(Sweep sweep) {
  return {.kind = Kind::kSweep, .sweep = std::make_shared<Sweep>(std::move(sweep))};
}

Element simple_choice(std::vector<Element> choices) {
  Sweep sweep;
  sweep.simple = true;
  sweep.choices = std::move(choices);
  return make_sweep(std::move(sweep));
}

std::string describe(const Element& e) {
  return e.kind == Kind::kSweep ? "a sweep" : to_text(e);
}

// Arguments of a function with named parameters, in order.
std::vector<const Element*> bind(const FunctionCall& call, std::initializer_list<std::string_view> names,
                                 std::size_t required) {
  if (call.arguments.size() > names.size()) refuse(cat(call.name, " takes at most ", names.size(), " arguments"));
  std::vector<const Element*> bound(names.size(), nullptr);
  for (std::size_t i = 0; i < call.arguments.size(); ++i) bound[i] = &call.arguments[i];
  for (const auto& [name, value] : call.named) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) refuse(cat(call.name, " has no argument '", name, "'"));
    auto& slot = bound[static_cast<std::size_t>(found - names.begin())];
    if (slot != nullptr) refuse(cat(call.name, " is given '", name, "' twice"));
    slot = &value;
  }
  for (std::size_t i = 0; i < required; ++i)
    if (bound[i] == nullptr) refuse(cat(call.name, " needs '", *(names.begin() + i), "'"));
  return bound;
}

// Named arguments of a function that takes any number of positional ones.
std::vector<const Element*> bind_named(const FunctionCall& call, std::initializer_list<std::string_view> names) {
  std::vector<const Element*> bound(names.size(), nullptr);
  for (const auto& [name, value] : call.named) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) refuse(cat(call.name, " has no argument '", name, "'"));
    bound[static_cast<std::size_t>(found - names.begin())] = &value;
  }
  return bound;
}

// ---- casts

using ScalarCast = NodePtr (*)(const Node& value);

NodePtr cast_int(const Node& value) {
  if (value.kind == NodeKind::kInt) return value.copy();
  if (value.kind == NodeKind::kBool) return Node::of(std::int64_t{value.boolean});
  if (value.kind == NodeKind::kFloat) {
    if (!std::isfinite(value.real)) refuse(cat("cannot cast ", python_text(value), " to int"));
    std::string digits(400, '\0');
    digits.resize(static_cast<std::size_t>(std::snprintf(digits.data(), digits.size(), "%.0f", std::trunc(value.real))));
    return Node::of_digits(digits == "-0" ? "0" : digits);
  }
  const auto digits = python::parse_int(value.text);
  if (!digits) refuse(cat("cannot cast '", value.text, "' to int"));
  return Node::of_digits(*digits);
}

NodePtr cast_float(const Node& value) {
  if (is_number(value)) return Node::of(as_double(value));
  const auto number = python::parse_float(value.text);
  if (!number) refuse(cat("cannot cast '", value.text, "' to float"));
  return Node::of(*number);
}

NodePtr cast_str(const Node& value) {
  if (value.kind == NodeKind::kBool) return Node::of(std::string(value.boolean ? "true" : "false"));
  return Node::of(python_text(value));
}

NodePtr cast_bool(const Node& value) {
  if (value.kind == NodeKind::kBool) return value.copy();
  if (is_number(value)) return Node::of(value.big || as_double(value) != 0);
  const auto name = python::lower(value.text);
  if (name != "true" && name != "false") refuse(cat("cannot cast '", value.text, "' to bool"));
  return Node::of(name == "true");
}

Element cast(const Element& element, ScalarCast to);

Element cast_sweep(const Sweep& sweep, ScalarCast to) {
  Sweep out;
  out.type = sweep.type;
  if (sweep.type == Sweep::Type::kChoice) {
    out.simple = sweep.simple;
    for (const auto& choice : sweep.choices) out.choices.push_back(cast(choice, to));
    return make_sweep(std::move(out));
  }
  if (sweep.type == Sweep::Type::kGlob) refuse("a glob cannot be cast");
  if (to != cast_int && to != cast_float) refuse("ranges and intervals can be cast to int and float only");
  out.start = to(*sweep.start);
  out.stop = to(*sweep.stop);
  if (sweep.step) out.step = to(*sweep.step);
  if (sweep.type == Sweep::Type::kInterval) out.tags = sweep.tags;
  return make_sweep(std::move(out));
}

Element cast(const Element& element, ScalarCast to) {
  Element out{.kind = element.kind};
  switch (element.kind) {
    case Kind::kSweep: return cast_sweep(*element.sweep, to);
    case Kind::kList:
      for (const auto& item : element.items) out.items.push_back(cast(item, to));
      return out;
    case Kind::kDict:
      for (const auto& [key, value] : element.entries) out.entries.emplace_back(key, cast(value, to));
      return out;
    default:
      if (element.scalar->is_null()) refuse("null cannot be cast");
      return scalar(to(*element.scalar));
  }
}

template <ScalarCast to>
Element cast_function(FunctionCall& call) {
  const auto* value = bind_named(call, {"value"})[0];
  if (value != nullptr && !is_null(*value)) {
    if (!call.arguments.empty()) refuse(cat(call.name, " takes positional arguments or value=, not both"));
    return cast(*value, to);
  }
  if (call.arguments.empty()) refuse(cat(call.name, " needs an argument"));
  if (call.arguments.size() == 1) return cast(call.arguments[0], to);
  for (const auto& argument : call.arguments)
    if (argument.kind == Kind::kSweep) refuse(cat(call.name, " takes one sweep, or several values"));
  return cast(simple_choice(std::move(call.arguments)), to);
}

// ---- sweeps

Element choice(FunctionCall& call) {
  bind_named(call, {});
  for (const auto& argument : call.arguments)
    if (!is_value(argument) && !is_sweep(argument, Sweep::Type::kChoice))
      refuse(cat("choice takes values, found ", describe(argument)));
  if (call.arguments.empty()) refuse("choice needs at least one value");
  if (call.arguments.size() == 1 && call.arguments[0].kind == Kind::kSweep) {
    if (!call.arguments[0].sweep->simple) refuse("a choice cannot hold a choice");
    call.arguments[0].sweep->simple = false;
    return std::move(call.arguments[0]);
  }
  Sweep sweep;
  sweep.choices = std::move(call.arguments);
  return make_sweep(std::move(sweep));
}

Element range(FunctionCall& call) {
  const auto bound = bind(call, {"start", "stop", "step"}, 1);
  for (const auto* argument : bound)
    if (argument != nullptr && !is_plain_number(*argument) && !(argument == bound[1] && is_null(*argument)))
      refuse(cat("range takes numbers, found ", describe(*argument)));
  Sweep sweep;
  sweep.type = Sweep::Type::kRange;
  const bool from_zero = bound[1] == nullptr || is_null(*bound[1]);
  sweep.start = from_zero ? Node::of(std::int64_t{0}) : bound[0]->scalar;
  sweep.stop = from_zero ? bound[0]->scalar : bound[1]->scalar;
  sweep.step = bound[2] != nullptr ? bound[2]->scalar : Node::of(std::int64_t{1});
  return make_sweep(std::move(sweep));
}

Element interval(FunctionCall& call) {
  const auto bound = bind(call, {"start", "end"}, 2);
  for (const auto* argument : bound)
    if (!is_plain_number(*argument)) refuse(cat("interval takes numbers, found ", describe(*argument)));
  Sweep sweep;
  sweep.type = Sweep::Type::kInterval;
  sweep.start = cast_float(*bound[0]->scalar);
  sweep.stop = cast_float(*bound[1]->scalar);
  return make_sweep(std::move(sweep));
}

std::vector<std::string> patterns(const Element* argument) {
  if (argument == nullptr || is_null(*argument)) return {};
  if (is_text(*argument)) return {argument->scalar->text};
  if (argument->kind != Kind::kList) refuse(cat("glob takes a pattern or a list of them, found ", describe(*argument)));
  std::vector<std::string> out;
  for (const auto& item : argument->items) {
    if (!is_text(item) && item.kind != Kind::kQuoted) refuse(cat("a pattern is a text, found ", describe(item)));
    out.push_back(item.scalar->text);
  }
  return out;
}

Element glob(FunctionCall& call) {
  const auto bound = bind(call, {"include", "exclude"}, 1);
  if (is_null(*bound[0])) refuse("glob needs a pattern");
  Sweep sweep;
  sweep.type = Sweep::Type::kGlob;
  sweep.include = patterns(bound[0]);
  sweep.exclude = patterns(bound[1]);
  return make_sweep(std::move(sweep));
}

Element tag(FunctionCall& call) {
  const auto* named = bind_named(call, {"sweep"})[0];
  if (call.arguments.empty()) refuse("tag needs a sweep");
  for (const auto& argument : call.arguments)
    if (!is_text(argument) && !is_any_sweep(argument)) refuse(cat("a tag is a text, found ", describe(argument)));
  if (named != nullptr && !is_null(*named)) call.arguments.push_back(*named);
  Element last = std::move(call.arguments.back());
  call.arguments.pop_back();
  if (!is_any_sweep(last)) refuse("the last argument of tag is a choice, range or interval");
  last.sweep->tags.clear();
  for (const auto& argument : call.arguments) {
    if (!is_text(argument)) refuse("the tags of tag are texts");
    last.sweep->tags.insert(argument.scalar->text);
  }
  return last;
}

Element shuffle(FunctionCall& call) {
  const auto bound = bind_named(call, {"sweep", "list"});
  for (const auto& argument : call.arguments)
    if (!is_value(argument) && !is_choice_or_range(argument)) refuse(cat("shuffle does not take ", describe(argument)));
  if (bound[0] != nullptr && !is_null(*bound[0]) && !is_choice_or_range(*bound[0]))
    refuse("shuffle takes a choice or a range as sweep=");
  if (bound[1] != nullptr && !is_null(*bound[1]) && bound[1]->kind != Kind::kList) refuse("shuffle takes a list as list=");
  for (const auto* named : {bound[1], bound[0]})
    if (named != nullptr && !is_null(*named)) {
      call.arguments = {Element(*named)};
      break;
    }
  if (call.arguments.size() != 1) {
    auto out = simple_choice(std::move(call.arguments));
    out.sweep->shuffle = true;
    return out;
  }
  auto& argument = call.arguments[0];
  if (argument.kind == Kind::kSweep) {
    Sweep sweep = *argument.sweep;
    sweep.shuffle = true;
    return make_sweep(std::move(sweep));
  }
  if (argument.kind != Kind::kList) return {.kind = Kind::kList, .items = {argument}};
  // Seeded by the values, so that a command line means the same twice.
  std::mt19937_64 random(std::hash<std::string>{}(to_text(argument)));
  std::shuffle(argument.items.begin(), argument.items.end(), random);
  return std::move(argument);
}

// Python's <, which compares numbers with numbers, texts with texts, lists with lists.
bool element_less(const Element& a, const Element& b) {
  if (is_plain_number(a) && is_plain_number(b)) return less(*a.scalar, *b.scalar);
  if (is_text(a) && is_text(b)) return a.scalar->text < b.scalar->text;
  if (a.kind == Kind::kList && b.kind == Kind::kList) {
    const auto count = std::min(a.items.size(), b.items.size());
    for (std::size_t i = 0; i < count; ++i)
      if (to_text(a.items[i]) != to_text(b.items[i])) return element_less(a.items[i], b.items[i]);
    return a.items.size() < b.items.size();
  }
  refuse(cat("cannot order ", describe(a), " and ", describe(b)));
}

void sort_elements(std::vector<Element>& items, bool reverse) {
  std::stable_sort(items.begin(), items.end(), [&](const Element& a, const Element& b) {
    return reverse ? element_less(b, a) : element_less(a, b);
  });
}

Element sorted_sweep(Sweep sweep, bool reverse) {
  if (sweep.type == Sweep::Type::kChoice) {
    sort_elements(sweep.choices, reverse);
    return make_sweep(std::move(sweep));
  }
  // A range is turned round by walking it from its other end.
  const bool turn = reverse ? less(*sweep.start, *sweep.stop) : less(*sweep.stop, *sweep.start);
  if (turn) {
    const auto stride = reverse ? negated(*absolute(*sweep.step)) : absolute(*sweep.step);
    auto start = add(*sweep.stop, *stride);
    sweep.stop = add(*sweep.start, *stride);
    sweep.start = std::move(start);
    sweep.step = negated(*sweep.step);
  }
  return make_sweep(std::move(sweep));
}

Element sort(FunctionCall& call) {
  const auto bound = bind_named(call, {"sweep", "list", "reverse"});
  for (const auto& argument : call.arguments)
    if (!is_value(argument) && !is_choice_or_range(argument)) refuse(cat("sort does not take ", describe(argument)));
  if (bound[0] != nullptr && !is_null(*bound[0]) && !is_choice_or_range(*bound[0]))
    refuse("sort takes a choice or a range as sweep=");
  if (bound[1] != nullptr && !is_null(*bound[1]) && bound[1]->kind != Kind::kList) refuse("sort takes a list as list=");
  const auto* order = bound[2];
  if (order != nullptr && !(order->kind == Kind::kScalar && order->scalar->kind == NodeKind::kBool))
    refuse("sort takes true or false as reverse=");
  const bool reverse = order != nullptr && order->scalar->boolean;
  if (bound[1] != nullptr && !is_null(*bound[1])) {
    call.arguments = {Element(*bound[1])};
  } else if (bound[0] != nullptr && !is_null(*bound[0])) {
    return sorted_sweep(*bound[0]->sweep, reverse);
  }
  if (call.arguments.empty()) refuse("sort needs something to sort");
  auto& first = call.arguments[0];
  if (call.arguments.size() == 1) {
    if (first.kind == Kind::kSweep) return sorted_sweep(*first.sweep, reverse);
    if (first.kind == Kind::kList) sort_elements(first.items, reverse);
    return std::move(first);
  }
  for (const auto& argument : call.arguments)
    if (argument.kind != Kind::kScalar) refuse(cat("sort takes numbers and texts, found ", describe(argument)));
  return sorted_sweep(*simple_choice(std::move(call.arguments)).sweep, reverse);
}

const std::map<std::string_view, Function>& functions() {
  static const std::map<std::string_view, Function> kFunctions = {
      {"int", cast_function<cast_int>}, {"float", cast_function<cast_float>}, {"str", cast_function<cast_str>},
      {"bool", cast_function<cast_bool>}, {"choice", choice}, {"range", range}, {"interval", interval},
      {"glob", glob}, {"tag", tag}, {"shuffle", shuffle}, {"sort", sort},
  };
  return kFunctions;
}

}  // namespace

std::vector<std::string> override_functions() {
  std::vector<std::string> names;
  for (const auto& [name, function] : functions()) names.emplace_back(name);
  return names;
}

Element call_function(FunctionCall call) {
  const auto found = functions().find(call.name);
  if (found == functions().end())
    fail("eval_error", cat("there is no function '", call.name, "'"), std::string(),
         did_you_mean(call.name, override_functions()));
  const auto unquote = [](Element& element) {
    if (element.kind == Kind::kQuoted) element.kind = Kind::kScalar;
  };
  for (auto& argument : call.arguments) unquote(argument);
  for (auto& [name, value] : call.named) unquote(value);
  return found->second(call);
}

}  // namespace frugal::config
