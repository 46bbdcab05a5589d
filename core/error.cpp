#include "core/error.h"

namespace frugal {

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kCheckFailed:
      return 1;
    case ErrorKind::kUsage:
      return 2;
    case ErrorKind::kBadData:
      return 3;
    case ErrorKind::kEnvironment:
      return 4;
    case ErrorKind::kRunFailed:
      return 5;
  }
  return 5;
}

std::string_view name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kCheckFailed:
      return "check_failed";
    case ErrorKind::kUsage:
      return "usage";
    case ErrorKind::kBadData:
      return "bad_data";
    case ErrorKind::kEnvironment:
      return "environment";
    case ErrorKind::kRunFailed:
      return "run_failed";
  }
  return "run_failed";
}

Error::Error(ErrorKind kind, std::string code, std::string message, std::string where, std::string hint)
    : kind_(kind),
      code_(std::move(code)),
      message_(std::move(message)),
      where_(std::move(where)),
      hint_(std::move(hint)) {
  if (!where_.empty()) what_ = where_ + ": ";
  what_ += message_;
  if (!code_.empty()) what_ += " (" + code_ + ")";
  if (!hint_.empty()) what_ += "\n  try: " + hint_;
}

}  // namespace frugal
