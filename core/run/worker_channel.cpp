#include "core/run/worker_channel.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/io/fault.h"
#include "core/io/file.h"
#include "core/run/signals.h"

namespace frugal::run {

using nlohmann::json;

sockaddr_un socket_address(const std::filesystem::path& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string text = path.string();
  if (text.size() >= sizeof address.sun_path)
    throw Error(ErrorKind::kEnvironment, "no_channel", "the path of a socket is too long", text, "a shorter TMPDIR");
  text.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

void connect_channel() {
  const char* path = std::getenv(kRankSocketVariable);
  if (path == nullptr) return;
  const sockaddr_un address = socket_address(path);
  io::Fd low(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const io::Fd socket(::fcntl(low.get(), F_DUPFD_CLOEXEC, 10));  // above the two that it becomes
  low.reset();
  if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    io::throw_errno(errno, "reach the program that started this worker at", path);
  for (const int wanted : {kJobsFd, kRepliesFd})
    if (::dup2(socket.get(), wanted) < 0) io::throw_errno(errno, "place a descriptor of", path);
}

namespace {

// Signals are let in only inside ppoll, so that none slips in between the look at the flag and the wait.
bool wait_for_line() {
  sigset_t stop, former;
  ::sigemptyset(&stop);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) ::sigaddset(&stop, signal);
  ::pthread_sigmask(SIG_BLOCK, &stop, &former);
  pollfd jobs{.fd = kJobsFd, .events = POLLIN, .revents = 0};
  if (requested_signal() == 0) ::ppoll(&jobs, 1, nullptr, &former);
  ::pthread_sigmask(SIG_SETMASK, &former, nullptr);
  return requested_signal() == 0;
}

}  // namespace

std::optional<std::string> JobReader::next() {
  while (true) {
    if (const auto end = buffer_.find('\n'); end != buffer_.npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    if (!wait_for_line()) return std::nullopt;
    char chunk[1U << 16U];
    const ssize_t got = ::read(kJobsFd, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) io::throw_errno(errno, "read jobs", "descriptor 3");
    if (got == 0) return std::nullopt;
    buffer_.append(chunk, static_cast<std::size_t>(got));
  }
}

void reply(const json& answer) {
  fault::point("worker.reply");
  io::write_all(kRepliesFd, io::as_bytes(answer.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"),
                "descriptor 4", "worker.reply.write");
}

}  // namespace frugal::run
