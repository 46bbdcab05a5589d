#include "core/config/override_functions.h"

#include <map>

#include "core/config/did_you_mean.h"
#include "core/config/errors.h"

namespace frugal::config {

namespace {

using Function = Element (*)(FunctionCall& call);

const std::map<std::string_view, Function>& by_name() {
  static const std::map<std::string_view, Function> kFunctions = {
      {"int", functions::cast_to_int},   {"float", functions::cast_to_float}, {"str", functions::cast_to_str},
      {"bool", functions::cast_to_bool}, {"choice", functions::choice},       {"range", functions::range},
      {"interval", functions::interval}, {"glob", functions::glob},           {"tag", functions::tag},
      {"shuffle", functions::shuffle},   {"sort", functions::sort},
  };
  return kFunctions;
}

}  // namespace

std::vector<std::string> override_functions() {
  std::vector<std::string> names;
  for (const auto& [name, function] : by_name()) names.emplace_back(name);
  return names;
}

Element call_function(FunctionCall call) {
  const auto found = by_name().find(call.name);
  if (found == by_name().end())
    fail("eval_error", cat("there is no function '", call.name, "'"), std::string(),
         did_you_mean(call.name, override_functions()));
  const auto unquote = [](Element& element) {
    if (element.kind == Element::Kind::kQuoted) element.kind = Element::Kind::kScalar;
  };
  for (auto& argument : call.arguments) unquote(argument);
  for (auto& [name, value] : call.named) unquote(value);
  return found->second(call);
}

}  // namespace frugal::config
