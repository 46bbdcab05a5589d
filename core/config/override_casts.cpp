#include <cmath>
#include <cstdio>

#include "core/config/function_arguments.h"
#include "core/config/numbers.h"
#include "core/config/override_functions.h"
#include "core/config/python.h"
#include "core/error.h"

namespace frugal::config::functions {

NodePtr as_float(const Node& value) {
  if (is_number(value)) return Node::of(as_double(value));
  const auto number = python::parse_float(value.text);
  if (!number) refuse(cat("cannot cast '", value.text, "' to float"));
  return Node::of(*number);
}

namespace {

using Kind = Element::Kind;

Element scalar(NodePtr node) {
  return {.kind = Kind::kScalar, .scalar = std::move(node)};
}

using ScalarCast = NodePtr (*)(const Node& value);

NodePtr as_int(const Node& value) {
  if (value.kind == NodeKind::kInt) return value.copy();
  if (value.kind == NodeKind::kBool) return Node::of(std::int64_t{value.boolean});
  if (value.kind == NodeKind::kFloat) {
    if (!std::isfinite(value.real)) refuse(cat("cannot cast ", python_text(value), " to int"));
    std::string digits(400, '\0');
    digits.resize(
        static_cast<std::size_t>(std::snprintf(digits.data(), digits.size(), "%.0f", std::trunc(value.real))));
    return Node::of_digits(digits == "-0" ? "0" : digits);
  }
  const auto digits = python::parse_int(value.text);
  if (!digits) refuse(cat("cannot cast '", value.text, "' to int"));
  return Node::of_digits(*digits);
}

NodePtr as_str(const Node& value) {
  if (value.kind == NodeKind::kBool) return Node::of(std::string(value.boolean ? "true" : "false"));
  return Node::of(python_text(value));
}

NodePtr as_bool(const Node& value) {
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
  if (to != as_int && to != as_float) refuse("ranges and intervals can be cast to int and float only");
  out.start = to(*sweep.start);
  out.stop = to(*sweep.stop);
  if (sweep.step) out.step = to(*sweep.step);
  if (sweep.type == Sweep::Type::kInterval) out.tags = sweep.tags;
  return make_sweep(std::move(out));
}

Element cast(const Element& element, ScalarCast to) {
  Element out{.kind = element.kind};
  switch (element.kind) {
    case Kind::kSweep:
      return cast_sweep(*element.sweep, to);
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

}  // namespace

Element cast_to_int(FunctionCall& call) {
  return cast_function<as_int>(call);
}
Element cast_to_float(FunctionCall& call) {
  return cast_function<as_float>(call);
}
Element cast_to_str(FunctionCall& call) {
  return cast_function<as_str>(call);
}
Element cast_to_bool(FunctionCall& call) {
  return cast_function<as_bool>(call);
}

}  // namespace frugal::config::functions
