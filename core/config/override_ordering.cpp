#include <algorithm>
#include <random>

#include "core/config/function_arguments.h"
#include "core/config/numbers.h"
#include "core/config/override_functions.h"
#include "core/error.h"

namespace frugal::config::functions {
namespace {

using Kind = Element::Kind;

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

// Insertion keeps equal elements in order and, unlike std::sort, stays in bounds when NaN breaks the order.
void sort_elements(std::vector<Element>& items, bool reverse) {
  const auto before = [&](const Element& a, const Element& b) {
    return reverse ? element_less(b, a) : element_less(a, b);
  };
  for (auto item = items.begin(); item != items.end(); ++item)
    std::rotate(std::upper_bound(items.begin(), item, *item, before), item, item + 1);
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

}  // namespace

Element shuffle(FunctionCall& call) {
  const auto bound = bind_named(call, {"sweep", "list"});
  for (const auto& argument : call.arguments)
    if (!is_value(argument) && !is_choice_or_range(argument)) refuse(cat("shuffle does not take ", describe(argument)));
  if (bound[0] != nullptr && !is_null(*bound[0]) && !is_choice_or_range(*bound[0]))
    refuse("shuffle takes a choice or a range as sweep=");
  if (bound[1] != nullptr && !is_null(*bound[1]) && bound[1]->kind != Kind::kList)
    refuse("shuffle takes a list as list=");
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

}  // namespace frugal::config::functions
