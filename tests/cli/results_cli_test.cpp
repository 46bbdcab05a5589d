// The verbs that read results, as a user calls them: what they print, and what they exit with.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/error.h"
#include "core/io/file.h"
#include "core/launch/local_launcher.h"
#include "core/results/journal.h"
#include "core/results/recorder.h"
#include "core/results/run_file.h"
#include "core/run/signals.h"
#include "tests/support/temp_folder.h"

namespace frugal {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
const std::string kFrugal = std::string(FRUGAL_BINARY_DIR) + "/frugal";

struct Answer {
  int code = 0;
  std::string out, err;
};

class ResultsCli : public testing::Test {
 protected:
  Answer call(const std::string& arguments) const {
    const std::string out = (folder_.path() / "out").string(), err = (folder_.path() / "err").string();
    const int status = std::system(
        cat("cd ", folder_.path().string(), " && ", kFrugal, " ", arguments, " >", out, " 2>", err).c_str());
    return {.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
            .out = io::read_file(out),
            .err = io::read_file(err)};
  }
  // A sweep of sleeping jobs in folder/sweep; the ones in `failing` throw.
  void make_sweep(int jobs, const std::vector<int>& failing = {}, double ms = 1) const {
    std::vector<launch::SweepJob> list;
    for (int i = 0; i < jobs; ++i) list.push_back(job(i, std::count(failing.begin(), failing.end(), i) > 0, ms));
    launch::run_sweep(folder_.path() / "sweep", list, options());
  }
  launch::SweepJob job(int index, bool fails, double ms) const {
    return {
        .index = index,
        .overrides = {cat("seed=", index)},
        .config = {{"seed", index},
                   {"experiment", {{"name", "sleep"}, {"ms", ms}, {"steps", 4}, {"fault", fails ? "throw" : "none"}}}},
        .choices = {{"experiment", "sleep"}},
        .run_dir = folder_.path() / "sweep" / std::to_string(index)};
  }
  static launch::SweepOptions options() {
    return {.n_jobs = 2,
            .program = [](const std::string&) { return fs::path(FRUGAL_BINARY_DIR) / "frugal-worker-plain"; }};
  }
  void TearDown() override { run::clear_signal(); }
  test::TempFolder folder_;
};

TEST_F(ResultsCli, EveryVerbHasHelpAndRefusesNonsense) {
  for (const char* verb :
       {"results", "results ls", "results show", "results compare", "results export", "results merge", "recover",
        "watch", "sweep", "sweep status", "sweep resume", "sweep retry", "sweep cancel"}) {
    const Answer help = call(cat(verb, " --help"));
    EXPECT_EQ(help.code, 0) << verb;
    EXPECT_NE(help.out.find("usage: frugal "), std::string::npos) << verb;
    EXPECT_EQ(call(cat(verb, " --nonsense")).code, 2) << verb;
  }
  EXPECT_EQ(call("results").code, 2);
  EXPECT_EQ(call("results show").code, 2);
  EXPECT_EQ(call("results show nowhere").code, 2);
  EXPECT_EQ(call("recover nowhere").code, 2);
  EXPECT_EQ(call("watch nowhere").code, 2);
  EXPECT_EQ(call("sweep status .").code, 2);
  EXPECT_EQ(call("help").out.find("__"), std::string::npos) << "hidden verbs are not listed";
}

TEST_F(ResultsCli, ListsShowsExportsAndMerges) {
  make_sweep(3);
  EXPECT_EQ(call("results ls sweep").code, 0);
  const json list = json::parse(call("results ls sweep --json").out);
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[1]["status"], "done");
  EXPECT_EQ(list[1]["seed"], 1);
  EXPECT_TRUE(list[1]["score"].is_number());
  EXPECT_NE(call("results show sweep/1 --config --provenance").out.find("cpu.model"), std::string::npos);
  const Answer csv = call("results export sweep/2 -t samples");
  EXPECT_EQ(std::count(csv.out.begin(), csv.out.end(), '\n'), 5);
  EXPECT_EQ(call("results export sweep -f md -o table.md").code, 0);
  EXPECT_TRUE(io::read_file(folder_.path() / "table.md").starts_with("| file |"));
  EXPECT_EQ(call("results export sweep -t samples").code, 2) << "samples are of one run";
  EXPECT_EQ(call("results merge sweep -o all.h5").code, 0);
  EXPECT_EQ(call("results merge sweep -o all.h5").code, 2);
  EXPECT_EQ(call("results compare sweep/0 sweep/1").code, 0);
  EXPECT_EQ(json::parse(call("results compare sweep/0 sweep/1 --json --paired").out)["metrics"][0]["from"],
            "paired bootstrap over 4 samples");
  fs::resize_file(folder_.path() / "sweep/0/run.h5", 1000);
  const Answer damaged = call("results show sweep/0");
  EXPECT_EQ(damaged.code, 3);
  EXPECT_NE(damaged.err.find("damaged_hdf5"), std::string::npos);
  EXPECT_EQ(call("results ls sweep --index").code, 3);
  EXPECT_TRUE(fs::exists(folder_.path() / "sweep/index.h5"));
}

TEST_F(ResultsCli, RecoversWhatWasKilledAndLeavesWhatRuns) {
  const fs::path killed = folder_.path() / "killed", running = folder_.path() / "running";
  fs::create_directories(killed);
  fs::create_directories(running);
  {
    results::Recorder recorder = results::Recorder::create(killed, {.config_json = "{}"});
    recorder.metric({.name = "m", .value = 1});
  }
  results::Recorder recorder = results::Recorder::create(running, {.config_json = "{}"});
  recorder.state(results::RunState::kRunning);
  recorder.series("loss", 3, 0.25);
  recorder.sync();
  const Answer answer = call("recover .");
  EXPECT_EQ(answer.code, 0) << answer.err;
  EXPECT_NE(answer.out.find("run.h5  interrupted"), std::string::npos) << answer.out;
  EXPECT_NE(answer.out.find("running, left alone"), std::string::npos) << answer.out;
  EXPECT_EQ(results::read_run_file(killed / "run.h5").metrics.size(), 1U);
  EXPECT_FALSE(fs::exists(running / "run.h5"));
  const Answer watched = call("watch --once .");
  EXPECT_NE(watched.out.find("loss  step 3"), std::string::npos) << watched.out;
  EXPECT_NE(watched.out.find("m = 1"), std::string::npos) << watched.out;
}

TEST_F(ResultsCli, SweepStatusRetryAndCancel) {
  make_sweep(4, {2});
  EXPECT_TRUE(call("sweep status sweep").out.starts_with("4 jobs: 3 done 1 failed\n"));
  const json status = json::parse(call("sweep status sweep --json").out);
  EXPECT_EQ(status[2]["state"], "failed");
  EXPECT_EQ(status[2]["attempts"], 1);
  EXPECT_EQ(call("sweep resume sweep").code, 5) << "a failed job stays failed";
  EXPECT_EQ(call("sweep retry sweep --isolation process").code, 5);
  EXPECT_EQ(json::parse(call("sweep status sweep --json").out)[2]["attempts"], 2);
  EXPECT_EQ(call("sweep cancel sweep").out, "0 jobs cancelled\n");
}

// The front end killed in the middle of a sweep: its workers end with it, and the sweep is resumed.
TEST_F(ResultsCli, KilledSweepIsResumed) {
  const fs::path sweep = folder_.path() / "sweep";
  std::vector<launch::SweepJob> jobs;
  for (int i = 0; i < 6; ++i) jobs.push_back(job(i, false, 150));
  {
    const launch::Ledger ledger = launch::Ledger::open(sweep, jobs);
  }
  const pid_t front_end = ::fork();
  if (front_end == 0) {
    ::execl(kFrugal.c_str(), "frugal", "sweep", "resume", sweep.c_str(), "-j", "2", nullptr);
    std::_Exit(127);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(350));
  ::kill(front_end, SIGKILL);
  ::waitpid(front_end, nullptr, 0);
  const launch::LedgerContent before = launch::read_ledger(sweep);
  EXPECT_GT(before.count(launch::JobState::kRunning), 0);
  // The kernel ends the workers; until then their journals are locked.
  for (const auto& status : before.jobs)
    for (int tries = 0; tries < 200; ++tries) {
      const fs::path journal = status.job.run_dir / results::kJournalName;
      if (!fs::exists(journal)) break;
      try {
        results::lock_journal(journal);
        break;
      } catch (const Error&) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    }
  const Answer resumed = call("sweep resume sweep -j 2");
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_TRUE(resumed.out.starts_with("6 done")) << resumed.out;
}

TEST_F(ResultsCli, SignalInterruptsASweepWithItsExitCode) {
  for (const auto& [signal, code] : std::map<int, int>{{SIGINT, 130}, {SIGTERM, 143}, {SIGUSR1, 85}}) {
    const fs::path one = folder_.path() / std::to_string(signal);
    launch::SweepJob slow = job(0, false, 20'000);
    slow.config["experiment"]["steps"] = 2000;
    slow.run_dir = one / "0";
    {
      const launch::Ledger ledger = launch::Ledger::open(one, {slow});
    }
    const pid_t front_end = ::fork();
    if (front_end == 0) {
      ::execl(kFrugal.c_str(), "frugal", "sweep", "resume", one.c_str(), nullptr);
      std::_Exit(127);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    ::kill(front_end, signal);
    ::kill(front_end, signal);  // twice in a row
    int status = 0;
    ::waitpid(front_end, &status, 0);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), code);
    EXPECT_EQ(results::read_run_file(one / "0/run.h5").state(), results::RunState::kInterrupted);
    EXPECT_EQ(launch::read_ledger(one).count(launch::JobState::kInterrupted), 1);
  }
}

}  // namespace
}  // namespace frugal
