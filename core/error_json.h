// An Error on its way from one process to another.
#pragma once

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace frugal {

// {"kind": name of it, "code", "message", "where", "hint"}
nlohmann::json error_json(const Error& error);
// The error again. A kind that is none is kRunFailed, as where the program that sent it is of another version. Throws
// nlohmann::json::exception where `text` is no object of texts.
Error error_from_json(const nlohmann::json& text);

}  // namespace frugal
