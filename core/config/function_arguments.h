// What the functions of override values share: their arguments, and the values that they make.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/override.h"

namespace frugal::config::functions {

// Throws eval_error.
[[noreturn]] void refuse(const std::string& message);

bool is_null(const Element& e);
bool is_text(const Element& e);
bool is_plain_number(const Element& e);
bool is_sweep(const Element& e, Sweep::Type type);
bool is_any_sweep(const Element& e);  // but a glob
// A text, number, bool, list or dict.
bool is_value(const Element& e);
bool is_choice_or_range(const Element& e);

Element make_sweep(Sweep sweep);
// Of "a,b" rather than choice(a,b).
Element simple_choice(std::vector<Element> choices);
// For messages.
std::string describe(const Element& e);

// Arguments of a function with named parameters, in the order of the names; nullptr where one is not given, which none
// of the first `required` may be.
std::vector<const Element*> bind(const FunctionCall& call, std::initializer_list<std::string_view> names,
                                 std::size_t required);
// Named arguments of a function that takes any number of positional ones.
std::vector<const Element*> bind_named(const FunctionCall& call, std::initializer_list<std::string_view> names);

}  // namespace frugal::config::functions
