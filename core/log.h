// Log lines on stderr, and copies of them to whoever listens (the run's journal).
// Its own few lines instead of spdlog: the LibTorch wheel's fmt headers hide Debian's, and workers must log too.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/error.h"

namespace frugal::log {

enum class Level { kDebug, kInfo, kWarning, kError };

void set_level(Level least);
// Called with every line of level info and above, from the thread that logs; pass nullptr to stop listening.
void set_listener(std::function<void(Level, std::string_view)> listener);
void write(Level level, std::string_view text);

template <typename... Args>
void debug(const Args&... args) {
  write(Level::kDebug, cat(args...));
}
template <typename... Args>
void info(const Args&... args) {
  write(Level::kInfo, cat(args...));
}
template <typename... Args>
void warning(const Args&... args) {
  write(Level::kWarning, cat(args...));
}
template <typename... Args>
void error(const Args&... args) {
  write(Level::kError, cat(args...));
}

}  // namespace frugal::log
