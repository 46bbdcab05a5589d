#include "core/io/fault.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <string>

#include "core/error.h"
#include "core/io/file.h"

namespace frugal::fault {
namespace {

enum class Action { kKill, kThrow, kEio, kEnospc };

struct Plan {
  std::string point;
  int at = 0;
  Action action = Action::kKill;
};

Action parse_action(std::string_view text) {
  if (text == "kill") return Action::kKill;
  if (text == "throw") return Action::kThrow;
  if (text == "eio") return Action::kEio;
  if (text == "enospc") return Action::kEnospc;
  throw Error(ErrorKind::kUsage, "bad_fault", cat("FRUGAL_FAULT: no action '", text, "'"), {},
              "kill, throw, eio or enospc");
}

Plan read_plan() {
  const char* const variable = std::getenv("FRUGAL_FAULT");
  if (variable == nullptr || *variable == '\0') return {};
  const std::string_view text(variable);
  const auto first = text.find(':');
  const auto second = first == text.npos ? text.npos : text.find(':', first + 1);
  Plan plan;
  plan.point = text.substr(0, first);
  const std::string_view count = first == text.npos ? "1" : text.substr(first + 1, second - first - 1);
  const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), plan.at);
  if (error != std::errc{} || end != count.data() + count.size() || plan.at < 1)
    throw Error(ErrorKind::kUsage, "bad_fault", cat("FRUGAL_FAULT: '", count, "' is not a passage from 1 on"));
  if (second != text.npos) plan.action = parse_action(text.substr(second + 1));
  return plan;
}

}  // namespace

int passage(std::string_view point) {
  static const Plan plan = read_plan();
  if (plan.at == 0 || plan.point != point) return 0;
  static std::atomic<int> passages = 0;
  if (++passages != plan.at) return 0;
  switch (plan.action) {
    case Action::kKill:
      ::kill(::getpid(), SIGKILL);
      ::pause();
      return 0;
    case Action::kThrow:
      throw Error(ErrorKind::kRunFailed, "fault", cat("fault point '", point, "'"));
    case Action::kEio:
      return EIO;
    case Action::kEnospc:
      return ENOSPC;
  }
  return 0;
}

void point(std::string_view point) {
  if (const int error = passage(point); error != 0) io::throw_errno(error, "pass", std::string(point));
}

}  // namespace frugal::fault
