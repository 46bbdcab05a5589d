#include "core/run/signals.h"

#include <signal.h>

#include <atomic>
#include <cerrno>

#include "core/error.h"
#include "core/io/file.h"

namespace frugal::run {
namespace {

std::atomic<int> g_signal = 0;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

void on_signal(int signal) {
  int none = 0;
  g_signal.compare_exchange_strong(none, signal);
}

}  // namespace

void install_signal_flag() {
  struct sigaction action{};
  action.sa_handler = on_signal;  // without SA_RESTART: a blocking wait returns and its caller looks at the flag
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1})
    if (::sigaction(signal, &action, nullptr) != 0) io::throw_errno(errno, "handle signals", "sigaction");
  action.sa_handler = SIG_IGN;
  for (const int signal : {SIGPIPE, SIGXFSZ})  // both come back as errors of the call that met them
    if (::sigaction(signal, &action, nullptr) != 0) io::throw_errno(errno, "ignore signals", "sigaction");
}

int requested_signal() {
  return g_signal;
}

void clear_signal() {
  g_signal = 0;
}

int signal_exit_code(int signal) {
  return signal == SIGUSR1 ? 85 : 128 + signal;
}

}  // namespace frugal::run
