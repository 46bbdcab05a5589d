// Runs killed at any moment: what is recovered is a correct prefix, and the resumed run equals an unbroken one.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "core/error.h"
#include "core/io/file.h"
#include "core/results/journal.h"
#include "core/results/run_file.h"
#include "core/run/seeds.h"
#include "core/run/worker_loop.h"
#include "tests/support/temp_folder.h"

namespace frugal::run {
namespace {

namespace fs = std::filesystem;
using results::RunState;
constexpr std::int64_t kSteps = 60;

// Rows, points, arrays in files of their own and checkpoints, about a millisecond a step.
void experiment(RunContext& context) {
  std::int64_t first = 0;
  if (const auto checkpoint = context.restore_checkpoint())
    first = std::stoll(io::read_file(checkpoint->folder / "step.txt"));
  context.recorder.declare_samples({{.name = "id", .type = results::ColumnType::kInt64}, {.name = "value"}});
  for (std::int64_t step = first; step < kSteps; ++step) {
    std::this_thread::sleep_for(std::chrono::microseconds(300));
    Stream stream = context.seeds.stream("data");
    stream.seek(static_cast<std::uint64_t>(step) * 2);
    const double value = stream.uniform();
    context.recorder.sample({step, value});
    context.recorder.series("loss", step, value);
    if (step % 10 == 3) {
      const std::vector<double> elements(10000, value);
      context.recorder.array({.name = cat("a", step), .dtype = results::DType::kFloat64, .shape = {100, 100}},
                             elements.data());
    }
    if (step % 12 == 11)
      context.save_checkpoint(step + 1,
                              [&](const fs::path& folder) { io::write_atomic(folder / "step.txt", cat(step + 1)); });
  }
  context.recorder.metric({.name = "steps", .value = kSteps});
}

Job job_in(const fs::path& folder, bool resume) {
  return {.id = "1", .run_dir = folder, .config = {{"seed", 3}}, .resume = resume};
}

// Runs the job in a child, and kills it after `kill_after` if that is shorter. Returns whether it came to its end.
bool run_in_child(const fs::path& folder, bool resume, std::chrono::microseconds kill_after) {
  const pid_t child = ::fork();
  if (child == 0) {
    const JobResult result = run_job(job_in(folder, resume), experiment);
    std::_Exit(result.state == RunState::kDone ? 0 : 1);
  }
  std::this_thread::sleep_for(kill_after);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  return WIFEXITED(status);
}

void expect_correct_prefix(const results::RunData& data) {
  ASSERT_LE(data.samples.size(), static_cast<std::size_t>(kSteps));
  for (std::size_t i = 0; i < data.samples.size(); ++i)
    ASSERT_EQ(std::get<std::int64_t>(data.samples[i].cells[0]), static_cast<std::int64_t>(i));
  if (data.series.empty()) return;
  const auto& steps = data.series.at("loss").steps;
  ASSERT_TRUE(steps.size() == data.samples.size() || steps.size() + 1 == data.samples.size());
  for (std::size_t i = 0; i < steps.size(); ++i) ASSERT_EQ(steps[i], static_cast<std::int64_t>(i));
  for (const auto& [name, array] : data.arrays)
    ASSERT_LE(std::stoll(name.substr(1)), static_cast<long long>(data.samples.size()));
}

std::string unbroken_hash() {
  const test::TempFolder folder;
  EXPECT_EQ(run_job(job_in(folder.path(), false), experiment).state, RunState::kDone);
  return results::finish_run(folder.path(), std::nullopt, false).content_hash;
}

void kill_many_times(int kills) {
  const std::string expected = unbroken_hash();
  Stream random = Seeds(11).stream("kills");
  int killed = 0;
  while (killed < kills) {
    const test::TempFolder folder;
    bool done = false;
    for (int attempt = 0; !done && attempt < 50; ++attempt) {
      const bool resume = fs::exists(folder.path() / results::kJournalName);
      done = run_in_child(folder.path(), resume, std::chrono::microseconds(random.below(60'000)));
      killed += done ? 0 : 1;
      if (!fs::exists(folder.path() / results::kJournalName)) continue;  // killed before it could begin
      if (fs::file_size(folder.path() / results::kJournalName) == 0) continue;
      const results::Finished finished = results::finish_run(folder.path(), std::nullopt, true);
      EXPECT_TRUE(finished.lost_arrays.empty());
      const results::RunData data = results::read_run_file(finished.file);
      EXPECT_EQ(data.state(), done ? RunState::kDone : data.state());
      EXPECT_TRUE(data.state() == RunState::kDone || data.state() == RunState::kInterrupted);
      expect_correct_prefix(data);
      // Done, and killed between that and its exit: also at its end.
      done = data.state() == RunState::kDone;
    }
    ASSERT_TRUE(done);
    EXPECT_EQ(results::stored_content_hash(folder.path() / "run.h5"), expected);
  }
}

TEST(Kill, TwentyKillsLoseNothingThatWasRecorded) {
  kill_many_times(20);
}

TEST(KillSlow, TwoHundredKills) {
  if (std::getenv("FRUGAL_SLOW_TESTS") == nullptr) GTEST_SKIP() << "the ctest entry test_kill_slow runs it";
  kill_many_times(200);
}

}  // namespace
}  // namespace frugal::run
