// How the JSON files of a checkpoint are read: known keys over defaults, with errors that name the file.
#pragma once

#include <string>

#include "core/config/options.h"
#include "core/error.h"

namespace frugal::checkpoint_json {

[[noreturn]] inline void bad(const std::string& message) {
  throw Error(ErrorKind::kBadData, "bad_config", message);
}

[[noreturn]] inline void unsupported(const std::string& message) {
  throw Error(ErrorKind::kBadData, "unsupported_config", message);
}

// The keys of `json` that the table knows, over `defaults`; null counts as absent where null is no value of the key.
template <typename Struct>
Struct read_known(const OptionTable<Struct>& table, const Json& json, const Json& defaults, const std::string& path) {
  Json known = defaults;
  for (const OptionInfo& info : table.infos()) {
    const auto found = json.find(info.name);
    if (found == json.end()) continue;
    const bool nullable = info.type.ends_with("or null") || info.default_value.is_null();
    if (!found->is_null() || nullable) known[info.name] = *found;
  }
  return table.read(known, path);
}

// Runs `parse`; its errors name the file.
template <typename Parse>
auto parse_in(const Json& json, const std::string& where, const Parse& parse) {
  if (!json.is_object()) throw Error(ErrorKind::kBadData, "bad_config", "the file must hold a JSON object", where);
  try {
    if (const auto found = json.find("quantization_config"); found != json.end() && !found->is_null())
      unsupported(cat("the weights are quantized (", found->value("quant_method", std::string("unknown method")), ")"));
    return parse();
  } catch (const Error& error) {
    throw Error(ErrorKind::kBadData, error.code() == "unsupported_config" ? error.code() : "bad_config",
                error.message(), where, error.hint());
  }
}

}  // namespace frugal::checkpoint_json
