// What must be survived: every fault point, full disks, folders that cannot be written, and many runs at once.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "core/error.h"
#include "core/io/file.h"
#include "core/launch/run_once.h"
#include "core/results/journal.h"
#include "core/results/recorder.h"
#include "core/run/worker_loop.h"
#include "tests/support/temp_folder.h"

namespace frugal::launch {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using results::RunState;

const std::string kBinaries = FRUGAL_BINARY_DIR;

run::Job sleep_job(const fs::path& folder) {
  return {
      .id = "1",
      .run_dir = folder,
      .config = {{"seed", 5},
                 {"experiment",
                  {{"name", "sleep"}, {"ms", 4}, {"steps", 20}, {"checkpoint_every", 5}, {"array_elements", 50000}}}},
      .config_yaml = "seed: 5\n"};
}

RunOutcome run_with_fault(const fs::path& folder, const std::string& fault) {
  WorkerSpec spec{.program = kBinaries + "/frugal-worker-plain", .stderr_file = folder.parent_path() / "worker.log"};
  if (!fault.empty()) spec.environment.emplace_back("FRUGAL_FAULT", fault);
  return run_once(sleep_job(folder), "{}\n", run::Existing::kRetryFailed, spec);
}

std::string unbroken_hash() {
  static const std::string hash = [] {
    const test::TempFolder folder;
    return run_with_fault(folder.path() / "run", "").finished->content_hash;
  }();
  return hash;
}

class WorkerFault : public testing::TestWithParam<const char*> {};

TEST_P(WorkerFault, TheRunFailsCleanlyAndItsRepetitionIsWhole) {
  const test::TempFolder folder;
  const fs::path run = folder.path() / "run";
  const RunOutcome broken = run_with_fault(run, GetParam());
  if (std::set<std::string>{"worker.reply:2", "worker.reply.write:2:eio"}.contains(GetParam())) {
    // The worker died while it answered; the journal says that the run was done, and it is.
    EXPECT_EQ(broken.result.state, RunState::kDone);
    EXPECT_EQ(broken.finished->content_hash, unbroken_hash());
    return;
  }
  EXPECT_EQ(broken.result.state, RunState::kFailed) << "the point was not passed";
  EXPECT_FALSE(broken.result.error_code.empty());
  if (fs::exists(run / results::kJournalName) && fs::file_size(run / results::kJournalName) > 0) {
    // A worker that was killed says nothing of the run, which was interrupted.
    const bool killed = broken.result.error_code == "worker_killed";
    EXPECT_EQ(results::read_run_file(run / "run.h5").state(), killed ? RunState::kInterrupted : RunState::kFailed);
  }
  const RunOutcome again = run_with_fault(run, "");
  EXPECT_EQ(again.result.state, RunState::kDone) << again.result.message;
  EXPECT_EQ(again.finished->content_hash, unbroken_hash());
}

INSTANTIATE_TEST_SUITE_P(Points, WorkerFault,
                         testing::Values("journal.write:1", "journal.write:2:enospc", "journal.write:3:eio",
                                         "journal.write:4", "journal.sync:1", "journal.sync:2:eio",
                                         "journal.sync:2:enospc", "array.write:1", "array.write:1:enospc",
                                         "checkpoint.write:1", "checkpoint.write:2", "checkpoint.write:2:enospc",
                                         "checkpoint.publish:1", "checkpoint.publish:3", "file.write:1:enospc",
                                         "file.write:2", "file.sync:2:eio", "file.rename:1", "worker.job:1:throw",
                                         "worker.job:1", "worker.reply:2", "worker.reply.write:1:eio",
                                         "worker.reply.write:2:eio"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
                           return name;
                         });

int recover(const fs::path& folder, const std::string& environment) {
  const int status =
      std::system(cat(environment, " ", kBinaries, "/frugal recover ", folder.string(), " >/dev/null 2>&1").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void leave_unfinished_run(const fs::path& folder) {
  results::Recorder recorder = results::Recorder::create(folder, {.config_json = "{}"});
  recorder.declare_samples({{.name = "x"}});
  for (int i = 0; i < 1000; ++i) recorder.sample({0.5 * i});
  const std::vector<float> noise = [] {
    std::vector<float> values(300'000);
    run::Stream stream(1);
    for (auto& value : values) value = static_cast<float>(stream.uniform());
    return values;
  }();
  recorder.array({.name = "noise", .shape = {300'000}}, noise.data());
}

TEST(FrontEndFault, ResultFileAppearsWholeOrNotAtAll) {
  const test::TempFolder folder;
  leave_unfinished_run(folder.path());
  for (const char* fault :
       {"run_file.write:1", "run_file.rename:1", "run_file.rename:1:eio", "file.sync:1:enospc", "file.sync:1"}) {
    EXPECT_NE(recover(folder.path(), cat("FRUGAL_FAULT=", fault)), 0) << fault;
    EXPECT_FALSE(fs::exists(folder.path() / "run.h5")) << fault;
  }
  EXPECT_EQ(recover(folder.path(), ""), 0);
  EXPECT_EQ(results::read_run_file(folder.path() / "run.h5").samples.size(), 1000U);
  EXPECT_FALSE(fs::exists(folder.path() / "run.h5.tmp"));
}

// A small file system of our own; where that is not allowed (not root), a limit on the size of files takes its place.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& size) {
    mounted_ = ::mount("tmpfs", path().c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) ::umount2(path().c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  fs::path path() const { return folder_.path(); }
  bool make_read_only() const {
    return mounted_ && ::mount("tmpfs", path().c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "") == 0;
  }

 private:
  test::TempFolder folder_;
  bool mounted_ = false;
};

// Executed in a child of its own, so that its limits and signals stay there. Exits with 0 if `body` says so.
bool in_child(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    std::_Exit(body() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

run::JobResult fill_disk(const fs::path& folder) {
  return run::run_job({.id = "1", .run_dir = folder, .config = json::object()}, [](run::RunContext& context) {
    context.recorder.declare_samples({{.name = "text", .type = results::ColumnType::kString}});
    for (int i = 0; i < 100'000; ++i) context.recorder.sample({std::string(200, 'x')});
  });
}

TEST(DiskFull, JournalKeepsWhatWasWrittenAndSaysWhy) {
  const SmallDisk disk("2m");
  EXPECT_TRUE(in_child([&] {
    const rlimit limit{.rlim_cur = 2U << 20U, .rlim_max = 2U << 20U};
    if (!disk.mounted() && ::setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    const run::JobResult result = fill_disk(disk.path());
    return result.state == RunState::kFailed && result.error_code == "disk_full" && result.exit_code == 4;
  }));
  const results::Replayed replayed = results::replay_file(disk.path() / results::kJournalName);
  EXPECT_FALSE(replayed.damaged);
  EXPECT_GT(replayed.data.samples.size(), 1000U);
}

TEST(DiskFull, ResultFileIsMadeOnceThereIsRoom) {
  const SmallDisk disk("4m");
  leave_unfinished_run(disk.path());
  const auto make = [&] {
    try {
      results::finish_run(disk.path(), std::nullopt, true);
      return std::string("no error");
    } catch (const Error& error) {
      return std::string(name(error.kind()));
    }
  };
  EXPECT_TRUE(in_child([&] {
    const rlimit limit{.rlim_cur = 100U << 10U, .rlim_max = 100U << 10U};
    if (disk.mounted()) {
      std::ofstream(disk.path() / "filler") << std::string(2500U << 10U, 'x');
    } else if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) {
      return false;
    }
    return make() == "environment" && !fs::exists(disk.path() / "run.h5") && !fs::exists(disk.path() / "run.h5.tmp");
  }));
  fs::remove(disk.path() / "filler");
  EXPECT_EQ(make(), "no error");
  EXPECT_EQ(results::read_run_file(disk.path() / "run.h5").samples.size(), 1000U);
}

TEST(ReadOnly, IsAnErrorOfTheEnvironment) {
  const SmallDisk disk("4m");
  leave_unfinished_run(disk.path());
  // Root writes where modes forbid it, so that a mount must; who may not mount is not root.
  const bool mounted = disk.make_read_only();
  if (!mounted) fs::permissions(disk.path(), fs::perms::owner_read | fs::perms::owner_exec);
  const auto code_of = [](const auto& call) {
    try {
      call();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kEnvironment) << error.what();
      return error.code();
    }
    return std::string("no error");
  };
  const std::set<std::string> expected = {"read_only", "no_permission"};
  EXPECT_TRUE(expected.contains(code_of([&] { run::prepare_folder(disk.path() / "new", run::Existing::kRefuse); })));
  EXPECT_TRUE(expected.contains(code_of([&] { results::finish_run(disk.path(), std::nullopt, true); })));
  EXPECT_TRUE(expected.contains(code_of([&] { io::write_atomic(disk.path() / "x", "y"); })));
  if (!mounted) fs::permissions(disk.path(), fs::perms::owner_all, fs::perm_options::add);
}

// Starts `count` children at the same moment; returns how many of them `body` held for.
int together(int count, const std::function<bool(int)>& body) {
  int gate[2];
  EXPECT_EQ(::pipe(gate), 0);
  std::vector<pid_t> children;
  for (int i = 0; i < count; ++i) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    char byte = 0;
    ::close(gate[1]);
    [[maybe_unused]] const ssize_t opened = ::read(gate[0], &byte, 1);  // until the parent closes its end
    std::_Exit(body(i) ? 0 : 1);
  }
  ::close(gate[0]);
  ::close(gate[1]);
  int held = 0;
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    held += WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : 0;
  }
  return held;
}

TEST(ManyAtOnce, SixtyFourRunsHaveFoldersOfTheirOwn) {
  const test::TempFolder folder;
  EXPECT_EQ(together(64,
                     [&](int) {
                       const fs::path run = run::make_dated_folder(folder.path());
                       results::Recorder recorder = results::Recorder::create(run, {.config_json = "{}"});
                       recorder.metric({.name = "m", .value = 1});
                       recorder.state(RunState::kDone);
                       return true;
                     }),
            64);
  std::set<std::string> ids;
  for (const auto& entry : fs::recursive_directory_iterator(folder.path()))
    if (entry.path().filename() == results::kJournalName)
      ids.insert(results::replay_file(entry.path()).data.open.run_id);
  EXPECT_EQ(ids.size(), 64U);
}

TEST(ManyAtOnce, OneOfSixtyFourGetsTheFolder) {
  const test::TempFolder folder;
  EXPECT_EQ(together(64,
                     [&](int) {
                       try {
                         run::prepare_folder(folder.path(), run::Existing::kRefuse);
                         results::Recorder recorder = results::Recorder::create(folder.path(), {.config_json = "{}"});
                         recorder.metric({.name = "m", .value = 1});
                         ::usleep(100'000);
                         return true;
                       } catch (const Error& error) {
                         // run_exists or run_locked: refused; anything else would be a fault of ours.
                         if (error.code() != "run_exists" && error.code() != "run_locked") std::_Exit(0);
                         return false;
                       }
                     }),
            1);
  EXPECT_EQ(results::replay_file(folder.path() / results::kJournalName).data.metrics.size(), 1U);
}

}  // namespace
}  // namespace frugal::launch
