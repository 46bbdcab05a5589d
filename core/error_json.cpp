#include "core/error_json.h"

namespace frugal {
namespace {

ErrorKind kind_named(std::string_view wanted) {
  for (const ErrorKind kind :
       {ErrorKind::kCheckFailed, ErrorKind::kUsage, ErrorKind::kBadData, ErrorKind::kEnvironment})
    if (name(kind) == wanted) return kind;
  return ErrorKind::kRunFailed;
}

}  // namespace

nlohmann::json error_json(const Error& error) {
  return {{"kind", name(error.kind())},
          {"code", error.code()},
          {"message", error.message()},
          {"where", error.where()},
          {"hint", error.hint()}};
}

Error error_from_json(const nlohmann::json& text) {
  const auto part = [&](const char* key) { return text.value(key, ""); };
  return {kind_named(part("kind")), part("code"), part("message"), part("where"), part("hint")};
}

}  // namespace frugal
