#include "core/log.h"

#include <unistd.h>

#include <atomic>
#include <mutex>
#include <utility>

namespace frugal::log {
namespace {

std::atomic<Level> g_least{Level::kInfo};
std::mutex g_mutex;
std::function<void(Level, std::string_view)> g_listener;

std::string_view prefix(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug: ";
    case Level::kInfo:
      return "";
    case Level::kWarning:
      return "warning: ";
    case Level::kError:
      return "error: ";
  }
  return "";
}

}  // namespace

void set_level(Level least) {
  g_least = least;
}

void set_listener(std::function<void(Level, std::string_view)> listener) {
  const std::lock_guard lock(g_mutex);
  g_listener = std::move(listener);
}

void write(Level level, std::string_view text) {
  if (level < g_least) return;
  const std::string line = cat(prefix(level), text, "\n");
  const std::lock_guard lock(g_mutex);
  // One write a line, so that lines of several processes do not mix; a closed stderr must not end a run.
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, line.data(), line.size());
  if (g_listener && level >= Level::kInfo) g_listener(level, text);
}

}  // namespace frugal::log
