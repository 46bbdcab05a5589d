#include "core/config/function_arguments.h"

#include <algorithm>

#include "core/config/errors.h"
#include "core/config/numbers.h"

namespace frugal::config::functions {

using Kind = Element::Kind;

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
bool is_value(const Element& e) {
  return e.kind == Kind::kList || e.kind == Kind::kDict || (e.kind == Kind::kScalar && !e.scalar->is_null());
}
bool is_choice_or_range(const Element& e) {
  return is_sweep(e, Sweep::Type::kChoice) || is_sweep(e, Sweep::Type::kRange);
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

namespace {

using Names = std::initializer_list<std::string_view>;

std::size_t index_of(const FunctionCall& call, Names names, const std::string& name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) refuse(cat(call.name, " has no argument '", name, "'"));
  return static_cast<std::size_t>(found - names.begin());
}

}  // namespace

std::vector<const Element*> bind(const FunctionCall& call, Names names, std::size_t required) {
  if (call.arguments.size() > names.size()) refuse(cat(call.name, " takes at most ", names.size(), " arguments"));
  std::vector<const Element*> bound(names.size(), nullptr);
  for (std::size_t i = 0; i < call.arguments.size(); ++i) bound[i] = &call.arguments[i];
  for (const auto& [name, value] : call.named) {
    auto& slot = bound[index_of(call, names, name)];
    if (slot != nullptr) refuse(cat(call.name, " is given '", name, "' twice"));
    slot = &value;
  }
  for (std::size_t i = 0; i < required; ++i)
    if (bound[i] == nullptr) refuse(cat(call.name, " needs '", *(names.begin() + i), "'"));
  return bound;
}

std::vector<const Element*> bind_named(const FunctionCall& call, Names names) {
  std::vector<const Element*> bound(names.size(), nullptr);
  for (const auto& [name, value] : call.named) bound[index_of(call, names, name)] = &value;
  return bound;
}

}  // namespace frugal::config::functions
