// Errors of the config engine: a user's mistake with one of the codes of docs/config.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/node.h"
#include "core/error.h"

namespace frugal::config {

[[noreturn]] void fail(std::string code, std::string message, std::string where = {}, std::string hint = {});
[[noreturn]] void fail(std::string code, std::string message, const Mark& mark, std::string hint = {});

}  // namespace frugal::config
