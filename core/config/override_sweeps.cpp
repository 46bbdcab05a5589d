#include "core/config/function_arguments.h"
#include "core/config/override_functions.h"
#include "core/error.h"

namespace frugal::config::functions {
namespace {

using Kind = Element::Kind;

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

}  // namespace

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
  sweep.start = as_float(*bound[0]->scalar);
  sweep.stop = as_float(*bound[1]->scalar);
  return make_sweep(std::move(sweep));
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

}  // namespace frugal::config::functions
