#include "core/config/resolvers.h"

#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>

#include "core/config/errors.h"
#include "core/config/python.h"
#include "core/config/yaml.h"
#include "core/log.h"
#include "core/text.h"

namespace frugal::config {

namespace {

[[noreturn]] void bad_call(std::string message) {
  fail("interpolation_resolution", std::move(message));
}

void require_arguments(const ResolverCall& call, std::string_view name, std::size_t least, std::size_t most) {
  const auto count = call.arguments.size();
  if (count < least || count > most)
    bad_call(cat(name, " takes ", least, least == most ? "" : cat(" to ", most), " arguments, found ", count));
}

const std::string& text_argument(const ResolverCall& call, std::size_t index, std::string_view name) {
  if (!call.arguments[index]->is_string())
    bad_call(cat(name, " takes a text, found ", python_text(*call.arguments[index])));
  return call.arguments[index]->text;
}

Node* oc_env(const ResolverCall& call) {
  require_arguments(call, "oc.env", 1, 2);
  const auto& name = text_argument(call, 0, "oc.env");
  if (const char* value = std::getenv(name.c_str())) return call.interpolator.keep(Node::of(std::string(value)));
  if (call.arguments.size() == 1) bad_call(cat("the environment variable '", name, "' is not set"));
  const auto& fallback = *call.arguments[1];
  return call.interpolator.keep(fallback.is_null() ? Node::null() : Node::of(python_text(fallback)));
}

Node* oc_select(const ResolverCall& call) {
  require_arguments(call, "oc.select", 1, 2);
  auto* value = call.interpolator.select_value(call.parent, text_argument(call, 0, "oc.select"), false);
  if (value != nullptr) return value;
  return call.arguments.size() == 2 ? call.arguments[1] : call.interpolator.keep(Node::null());
}

Node* oc_decode(const ResolverCall& call) {
  require_arguments(call, "oc.decode", 1, 1);
  if (call.arguments[0]->is_null()) return call.arguments[0];
  return call.interpolator.evaluate_element(text_argument(call, 0, "oc.decode"), call.parent, call.node);
}

Node* oc_create(const ResolverCall& call) {
  require_arguments(call, "oc.create", 1, 1);
  auto& value = *call.arguments[0];
  if (value.is_null()) return call.arguments[0];
  if (value.is_string()) return call.interpolator.keep(load_yaml(value.text, "oc.create"), &call.parent);
  if (!value.is_container()) bad_call(cat("oc.create takes a dict or a list, found ", python_text(value)));
  return call.interpolator.keep(value.copy(), &call.parent);
}

Node& dict_argument(const ResolverCall& call, std::string_view name) {
  require_arguments(call, name, 1, 1);
  const auto& key = text_argument(call, 0, name);
  auto* dict = call.interpolator.select_value(call.parent, key, true);
  if (dict == nullptr) bad_call(cat("there is no key '", key, "'"));
  if (!dict->is_dict()) bad_call(cat("'", key, "' is not a dict"));
  return *dict;
}

NodePtr key_node(const Key& key) {
  switch (key.kind) {
    case NodeKind::kInt:
      return Node::of_digits(key.text);
    case NodeKind::kFloat:
      return Node::of(python::parse_float(key.text).value_or(0));
    case NodeKind::kBool:
      return Node::of(key.text == "true");
    default:
      return Node::of(key.text);
  }
}

Node* oc_dict_keys(const ResolverCall& call) {
  auto list = Node::list();
  for (const auto& [key, value] : dict_argument(call, "oc.dict.keys").entries) list->append(key_node(key));
  return call.interpolator.keep(std::move(list), &call.parent);
}

Node* oc_dict_values(const ResolverCall& call) {
  const auto& dict = dict_argument(call, "oc.dict.values");
  // Values stay references; a relative key gets one more dot for the list that now lies between.
  const auto& key = call.arguments[0]->text;
  const std::string prefix = key.starts_with('.') ? "." + key : key;
  auto list = Node::list();
  for (const auto& [name, value] : dict.entries) list->append(Node::of("${" + prefix + "." + name.label() + "}"));
  return call.interpolator.keep(std::move(list), &call.parent);
}

Node* oc_deprecated(const ResolverCall& call) {
  require_arguments(call, "oc.deprecated", 1, 2);
  const auto& key = text_argument(call, 0, "oc.deprecated");
  std::string message = "'$OLD_KEY' is deprecated. Change your code and config to use '$NEW_KEY'";
  if (call.arguments.size() == 2) message = text_argument(call, 1, "oc.deprecated");
  auto* target = call.interpolator.select_node(call.parent, key, false);
  if (target == nullptr)
    bad_call(cat("'", call.node.full_key(), "' is deprecated, and its new key '", key, "' does not exist"));
  message = replace_all(message, "$OLD_KEY", call.node.full_key());
  message = replace_all(message, "$NEW_KEY", target->full_key());
  log::warning(message);
  return target;
}

// One moment for the whole process, so that every path made from it agrees, as Hydra's cache sees to.
std::tm start_time(int& microseconds) {
  static const auto kStart = std::chrono::system_clock::now();
  const auto seconds = std::chrono::time_point_cast<std::chrono::seconds>(kStart);
  microseconds = static_cast<int>(std::chrono::duration_cast<std::chrono::microseconds>(kStart - seconds).count());
  const std::time_t time = std::chrono::system_clock::to_time_t(seconds);
  std::tm local{};
  localtime_r(&time, &local);
  return local;
}

Node* now(const ResolverCall& call) {
  require_arguments(call, "now", 1, 1);
  int microseconds = 0;
  const auto time = start_time(microseconds);
  const std::string digits = std::to_string(1'000'000 + microseconds).substr(1);
  const std::string pattern = replace_all(text_argument(call, 0, "now"), "%f", digits);
  std::array<char, 4096> buffer{};
  const auto length = std::strftime(buffer.data(), buffer.size(), pattern.c_str(), &time);
  return call.interpolator.keep(Node::of(std::string(buffer.data(), length)));
}

Node* hydra(const ResolverCall& call) {
  require_arguments(call, "hydra", 1, 1);
  const auto& key = text_argument(call, 0, "hydra");
  const auto node = call.parent.root()->find("hydra");
  if (!node) bad_call("there is no hydra node here");
  auto* value = call.interpolator.select(*node, key, false).value;
  return value == nullptr || value->is_missing() ? call.interpolator.keep(Node::null()) : value;
}

struct Named {
  std::string_view name;
  Resolver resolver;
};

constexpr Named kResolvers[] = {
    {"oc.env", oc_env},
    {"oc.select", oc_select},
    {"oc.decode", oc_decode},
    {"oc.create", oc_create},
    {"oc.dict.keys", oc_dict_keys},
    {"oc.dict.values", oc_dict_values},
    {"oc.deprecated", oc_deprecated},
    {"now", now},
    {"hydra", hydra},
};

}  // namespace

Resolver find_resolver(std::string_view name) {
  for (const auto& [known, resolver] : kResolvers)
    if (known == name) return resolver;
  return nullptr;
}

std::vector<std::string> resolver_names() {
  std::vector<std::string> names;
  for (const auto& [name, resolver] : kResolvers) names.emplace_back(name);
  return names;
}

}  // namespace frugal::config
