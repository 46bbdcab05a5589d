#include "core/config/errors.h"

namespace frugal::config {

void fail(std::string code, std::string message, std::string where, std::string hint) {
  throw Error(ErrorKind::kUsage, std::move(code), std::move(message), std::move(where), std::move(hint));
}

void fail(std::string code, std::string message, const Mark& mark, std::string hint) {
  fail(std::move(code), std::move(message), mark.text(), std::move(hint));
}

}  // namespace frugal::config
