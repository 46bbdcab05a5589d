#include "core/launch/rank_group.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "core/error.h"
#include "core/io/scratch_folder.h"
#include "core/launch/spawn.h"
#include "core/log.h"
#include "core/results/journal.h"
#include "core/run/signals.h"
#include "core/run/worker_channel.h"
#include "core/run/worker_loop.h"

namespace frugal::launch {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using nlohmann::json;
using run::JobResult;

// From the first sign that the group is broken until it is killed: the time for rank 0 to say what it knows.
constexpr auto kLastWords = std::chrono::seconds(1);
// From rank 0's answer until ranks that do not end are killed.
constexpr auto kGoodbye = std::chrono::seconds(30);

// The socket that ranks connect to.
class Listener {
 public:
  Listener() : path_(folder_.path() / "s"), socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    const sockaddr_un address = run::socket_address(path_);
    if (!socket_ || ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(socket_.get(), SOMAXCONN) != 0)
      io::throw_errno(errno, "make the ranks' socket", path_);
  }
  const fs::path& path() const { return path_; }
  int descriptor() const { return socket_.get(); }
  io::Fd accept() const { return io::Fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)); }

 private:
  io::ScratchFolder folder_;
  fs::path path_;
  io::Fd socket_;
};

// One rank, from its connection on.
struct Member {
  io::Fd socket;
  std::string buffer, host;
  int rank = -1;
  pid_t pid = -1;
  bool ended = false;
  std::optional<JobResult> result;
};

// A process that we started: a rank, or the launcher of all.
struct Child {
  pid_t pid = -1;
  std::optional<int> status;  // of waitpid, once it has ended
};

// Ranks that a launcher started are not our children: that they have let go of the journal is seen by its lock. Whoever
// reads the journal next must find it so.
void wait_until_unlocked(const fs::path& journal) {
  for (int tries = 0; fs::exists(journal) && tries < 5000; ++tries) {
    try {
      results::lock_journal(journal);
      return;
    } catch (const Error& error) {
      if (error.code() != "run_locked") return;  // the reader will say
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

class RankGroup {
 public:
  RankGroup(const RankGroupSpec& spec, const run::Job& job, const WaitLimits& limits)
      : job_(job), limits_(limits), oom_kills_(oom_kills()) {
    start(spec);
  }
  RankGroup(const RankGroup&) = delete;
  RankGroup& operator=(const RankGroup&) = delete;
  ~RankGroup() { kill_all(); }

  JobResult run();

 private:
  void start(const RankGroupSpec& spec);
  void wait() const;
  void accept_members();
  void read(Member& member);
  void take_line(Member& member, const std::string& line);
  void reap();
  void pass_signals();
  void kill_all();
  std::optional<JobResult> verdict();
  bool all_ended() const;
  JobResult failure_of(const Member& member) const;
  JobResult lost(const Member& member) const;
  JobResult never_began() const;
  JobResult fail(ErrorKind kind, std::string code, std::string message, std::string hint = {}) const {
    return run::failure(job_.id, Error(kind, std::move(code), std::move(message), {}, std::move(hint)));
  }
  const Member* find(int rank) const;
  // Since when the condition has held; starts counting at the first call.
  static bool lasted(std::optional<Clock::time_point>& since, Clock::duration time) {
    if (!since) since = Clock::now();
    return Clock::now() - *since > time;
  }

  const run::Job& job_;
  const WaitLimits limits_;
  const long oom_kills_;
  Listener listener_;
  std::vector<Child> children_;
  std::vector<std::unique_ptr<Member>> members_;
  const Member* first_failure_ = nullptr;  // among the ranks beside 0, or whoever ended without an answer
  int signal_ = 0;
  std::optional<JobResult> stopped_;  // by us: a time limit
  std::optional<Clock::time_point> broken_since_, answered_since_, signalled_at_;
  const Clock::time_point started_ = Clock::now();
};

void RankGroup::start(const RankGroupSpec& spec) {
  const auto variables = [&](const Variables& more) {
    Variables all = spec.environment;
    all.insert(all.end(), more.begin(), more.end());
    all.emplace_back(run::kRankSocketVariable, listener_.path().string());
    return all;
  };
  const std::string us = std::to_string(::getpid());
  if (!spec.launcher.empty()) {
    std::vector<std::string> arguments = {kTiedVerb, us};
    arguments.insert(arguments.end(), spec.launcher.begin(), spec.launcher.end());
    arguments.insert(arguments.end(), {spec.program.string(), "--parent", run::kLauncherParent});
    children_.push_back({.pid = spawn({.program = fs::read_symlink("/proc/self/exe"),
                                       .arguments = std::move(arguments),
                                       .environment = variables({})})});
    return;
  }
  for (const Variables& own : spec.of_rank)
    children_.push_back(
        {.pid = spawn({.program = spec.program, .arguments = {"--parent", us}, .environment = variables(own)})});
}

void RankGroup::wait() const {
  std::vector<pollfd> descriptors = {{.fd = listener_.descriptor(), .events = POLLIN, .revents = 0}};
  for (const auto& member : members_)
    if (!member->ended) descriptors.push_back({.fd = member->socket.get(), .events = POLLIN, .revents = 0});
  ::poll(descriptors.data(), descriptors.size(), 50);
}

void RankGroup::accept_members() {
  for (io::Fd socket = listener_.accept(); socket; socket = listener_.accept()) {
    members_.push_back(std::make_unique<Member>());
    members_.back()->socket = std::move(socket);
  }
}

void RankGroup::take_line(Member& member, const std::string& line) {
  const json text = json::parse(line, nullptr, false);
  if (!text.is_object() || !text.contains("hello")) {
    member.result = run::result_from_json(text);
    return;
  }
  member.pid = text.at("hello").get<pid_t>();
  member.rank = text.value("rank", 0);
  member.host = text.value("host", "");
  if (signal_ != 0) ::kill(member.pid, signal_);
  const std::string job = to_json(job_).dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  try {
    ::fcntl(member.socket.get(), F_SETFL, 0);  // the rank reads it now
    io::write_all(member.socket.get(), io::as_bytes(job), "a rank's socket", "worker.send");
    ::fcntl(member.socket.get(), F_SETFL, O_NONBLOCK);
  } catch (const Error& error) {
    log::debug("the job did not reach rank ", member.rank, ": ", error.what());  // its end is seen by read()
  }
}

void RankGroup::read(Member& member) {
  char chunk[1U << 14U];
  while (!member.ended) {
    const ssize_t got = ::read(member.socket.get(), chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) {
      member.ended = true;
      break;
    }
    member.buffer.append(chunk, static_cast<std::size_t>(got));
  }
  for (auto end = member.buffer.find('\n'); end != member.buffer.npos; end = member.buffer.find('\n')) {
    const std::string line = member.buffer.substr(0, end);
    member.buffer.erase(0, end + 1);
    take_line(member, line);
  }
  const bool failed = member.result && member.result->state == results::RunState::kFailed && member.rank != 0;
  // After rank 0's answer others may end because of it.
  const Member* zero = find(0);
  const bool lost = member.ended && !member.result && (zero == nullptr || !zero->result);
  if (first_failure_ == nullptr && (failed || lost)) first_failure_ = &member;
}

void RankGroup::reap() {
  for (Child& child : children_) {
    int status = 0;
    if (!child.status && ::waitpid(child.pid, &status, WNOHANG) == child.pid) child.status = status;
  }
}

void RankGroup::pass_signals() {
  const int signal = run::requested_signal();
  if (signal != 0 && signal_ == 0) {
    signal_ = signal;
    signalled_at_ = Clock::now();
    for (const auto& member : members_)
      if (!member->ended && member->pid > 0) ::kill(member->pid, signal);
  }
  if (stopped_) return;
  if (signalled_at_ && Clock::now() - *signalled_at_ > limits_.grace)
    stopped_ = fail(ErrorKind::kRunFailed, "not_stopping",
                    cat("the run did not stop within ", limits_.grace.count(), " ms of signal ", signal_));
  if (limits_.timeout != std::chrono::milliseconds::max() && Clock::now() - started_ > limits_.timeout)
    stopped_ = fail(ErrorKind::kRunFailed, "timeout",
                    cat("the run took longer than its limit of ", limits_.timeout.count(), " ms"));
}

void RankGroup::kill_all() {
  // The ranks first: a launcher takes seconds over it, and tells them apart badly.
  for (const auto& member : members_)
    if (!member->ended && member->pid > 0) ::kill(member->pid, SIGKILL);
  for (Child& child : children_) {
    if (child.status) continue;
    ::kill(child.pid, SIGKILL);
    int status = 0;
    ::waitpid(child.pid, &status, 0);
    child.status = status;
  }
  wait_until_unlocked(job_.run_dir / results::kJournalName);
}

const Member* RankGroup::find(int rank) const {
  for (const auto& member : members_)
    if (member->rank == rank) return member.get();
  return nullptr;
}

bool RankGroup::all_ended() const {
  return std::all_of(children_.begin(), children_.end(), [](const Child& child) { return child.status.has_value(); });
}

JobResult RankGroup::failure_of(const Member& member) const {
  if (!member.result) return lost(member);
  JobResult result = *member.result;
  result.id = job_.id;
  result.message = cat("rank ", member.rank, " on ", member.host, ": ", result.message);
  if (result.hint.empty()) result.hint = cat("its log: ", run::rank_log(job_.run_dir, member.rank).string());
  return result;
}

// A rank that ended without an answer.
JobResult RankGroup::lost(const Member& member) const {
  std::string how;
  for (const Child& child : children_)
    if (child.pid == member.pid && child.status && WIFSIGNALED(*child.status))
      how = cat(", killed by signal ", WTERMSIG(*child.status), " (", ::strsignal(WTERMSIG(*child.status)), ")");
  const std::string who = member.rank < 0 ? "a rank" : cat("rank ", member.rank, " on ", member.host);
  const std::string log =
      member.rank > 0 ? cat("its last words are in ", run::rank_log(job_.run_dir, member.rank).string()) : "";
  if (oom_kills_ >= 0 && oom_kills() > oom_kills_)
    return fail(ErrorKind::kEnvironment, "out_of_memory", cat("the kernel killed ", who, " for lack of memory"), log);
  return fail(ErrorKind::kRunFailed, "rank_ended", cat(who, " ended in the middle of the run", how), log);
}

JobResult RankGroup::never_began() const {
  std::string how;
  for (const Child& child : children_)
    if (child.status && how.empty() && *child.status != 0)
      how = WIFSIGNALED(*child.status) ? cat(", signal ", WTERMSIG(*child.status))
                                       : cat(", exit code ", WEXITSTATUS(*child.status));
  return fail(ErrorKind::kEnvironment, "worker_start", cat("the ranks ended before they were ready", how),
              "what they and their launcher printed says why; frugal doctor");
}

// How the run ended, once that is known.
std::optional<JobResult> RankGroup::verdict() {
  if (stopped_) return stopped_;
  const Member* zero = find(0);
  const bool answered = zero != nullptr && zero->result;
  // Rank 0 may only have seen that another was lost; that one's own words are worth more.
  const bool secondhand = answered && zero->result->error_code == "lost_rank";
  if (answered && !secondhand) {
    if (all_ended() || zero->result->state == results::RunState::kFailed || lasted(answered_since_, kGoodbye))
      return zero->result;
    return std::nullopt;
  }
  if (first_failure_ != nullptr || secondhand) {
    if (!lasted(broken_since_, kLastWords) && !all_ended()) return std::nullopt;
    if (signal_ != 0 && !fs::exists(job_.run_dir / results::kJournalName))
      return JobResult{.id = job_.id,
                       .state = results::RunState::kInterrupted,
                       .message = cat("stopped by signal ", signal_, " before it began"),
                       .exit_code = run::signal_exit_code(signal_)};
    return first_failure_ != nullptr ? failure_of(*first_failure_) : *zero->result;
  }
  if (all_ended()) return never_began();
  return std::nullopt;
}

JobResult RankGroup::run() {
  while (true) {
    wait();
    reap();  // before reading: whoever has ended has said all
    accept_members();
    for (const auto& member : members_)
      if (!member->ended) read(*member);
    pass_signals();
    if (const auto result = verdict()) return *result;
  }
}

}  // namespace

JobResult run_on_ranks(const RankGroupSpec& spec, const run::Job& job, const WaitLimits& limits) {
  return RankGroup(spec, job, limits).run();
}

int tied_command(std::span<const std::string> args) {
  if (args.size() < 2) throw Error(ErrorKind::kUsage, "bad_call", "expected PID PROGRAM ARGUMENT...");
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) io::throw_errno(errno, "tie a program to its parent", "prctl");
  if (std::to_string(::getppid()) != args[0])
    throw Error(ErrorKind::kEnvironment, "parent_gone", "the program that started this one has ended");
  std::vector<std::string> texts(args.begin() + 1, args.end());
  const std::vector<char*> pointers = argument_pointers(texts);
  ::execvp(pointers[0], pointers.data());
  throw Error(ErrorKind::kEnvironment, "no_launcher", cat("cannot start: ", std::strerror(errno)), texts[0],
              "apt-get install openmpi-bin, or put the launcher on PATH");
}

}  // namespace frugal::launch
