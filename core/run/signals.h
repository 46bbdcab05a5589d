// Signals that ask a run to stop: they set a flag, which long work polls at places where it can checkpoint.
#pragma once

#include <exception>

namespace frugal::run {

// SIGTERM, SIGINT and SIGUSR1 set the flag from now on; further ones change nothing, so that a checkpoint under way
// always ends. SIGPIPE and SIGXFSZ are ignored.
void install_signal_flag();
// The first of the signals that came, or 0.
int requested_signal();
// For tests, and for a process that goes on after having answered a signal.
void clear_signal();
// 143 SIGTERM, 130 SIGINT, 85 SIGUSR1 (checkpointed, requeue me).
int signal_exit_code(int signal);

// Thrown by an experiment that stopped because of a signal, after its checkpoint: the run is then `interrupted`.
class Interrupted : public std::exception {
 public:
  explicit Interrupted(int signal) : signal_(signal) {}
  int signal() const { return signal_; }
  const char* what() const noexcept override { return "interrupted by a signal"; }

 private:
  int signal_;
};

}  // namespace frugal::run
