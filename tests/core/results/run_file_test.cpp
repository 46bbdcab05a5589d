#include "core/results/run_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>

#include "core/error.h"
#include "core/io/file.h"
#include "core/results/journal.h"
#include "core/results/recorder.h"
#include "tests/support/temp_folder.h"

namespace frugal::results {
namespace {

namespace fs = std::filesystem;

// A run with everything in it that a result file can hold.
void record_everything(const fs::path& folder, RunState state = RunState::kDone) {
  Recorder recorder = Recorder::create(folder, {.config_json = R"({"seed":1,"method":{"bits":4,"name":"tfmq"}})",
                                                .config_yaml = "seed: 1\nmethod:\n  bits: 4\n  name: tfmq\n",
                                                .overrides = {"method.bits=4", "seed=1"},
                                                .choices = {{"method", "tfmq"}, {"dataset", "tiny"}}});
  recorder.state(RunState::kRunning);
  io::write_atomic(folder / "input.txt", "hello");
  recorder.input("dataset", folder / "input.txt", "CC0-1.0");
  recorder.provenance("host", "nowhere");
  recorder.declare_samples(
      {{.name = "id", .type = ColumnType::kString, .description = "the sample's name"},
       {.name = "prediction", .type = ColumnType::kEnum, .labels = {"entailment", "neutral"}},
       {.name = "score", .type = ColumnType::kDouble, .unit = "dB"},
       {.name = "tokens", .type = ColumnType::kInt64},
       {.name = "correct", .type = ColumnType::kBool},
       {.name = "latency_ns", .type = ColumnType::kInt64, .unit = "ns", .repeat = Repeat::kMayVary}},
      {{.name = "loglik", .unit = "nat", .description = "log likelihood of each choice"}});
  for (int i = 0; i < 1000; ++i)
    recorder.sample({i == 3 ? std::string("gr\xC3\xBC\xC3\x9F \xFF bad") : cat("s", i),
                     i % 2 == 0 ? "neutral" : "entailment", 0.5 * i, i, i % 3 == 0, 1000 + i},
                    {std::vector<double>(static_cast<std::size_t>(i % 4), -0.25 * i)});
  for (int i = 0; i < 50; ++i) recorder.series("train/loss", i, 1.0 / (i + 1));
  recorder.declare_series("memory", "MiB", "peak", Repeat::kMayVary);
  recorder.series("memory", 0, 12.5);
  recorder.metric({.name = "psnr",
                   .value = 31.25,
                   .unit = "dB",
                   .direction = Direction::kHigherIsBetter,
                   .ci_low = 31,
                   .ci_high = 31.5,
                   .standard_error = 0.1,
                   .count = 1000,
                   .sample_column = "score"});
  recorder.metric({.name = "latency",
                   .value = 12,
                   .unit = "ms",
                   .direction = Direction::kLowerIsBetter,
                   .repeat = Repeat::kMayVary});
  for (int i = 0; i < 20; ++i) recorder.timing({.phase = "step", .index = i, .ns = 100 + i, .cold = i < 3});
  recorder.timing_rule("step", "median +-0.5 %", "reached");
  std::vector<float> frames(std::size_t{4} * 64 * 96 * 3);
  for (std::size_t i = 0; i < frames.size(); ++i) frames[i] = static_cast<float>(i % 251);
  recorder.array(
      {.name = "frames", .shape = {4, 64, 96, 3}, .dims = {"frame", "height", "width", "channel"}, .unit = "1"},
      frames.data());
  const std::vector<std::int64_t> frame = {0, 8, 16, 24};
  recorder.array({.name = "frame", .dtype = DType::kInt64, .shape = {4}, .dims = {"frame"}}, frame.data());
  const std::vector<double> mask = {1, 0, 1};
  recorder.array({.name = "mask", .dtype = DType::kFloat64, .shape = {3}, .dims = {"height"}}, mask.data());
  const std::uint8_t flags[] = {1, 0};
  recorder.array({.name = "flags", .dtype = DType::kBool, .shape = {2}}, flags);
  const float scalar = 2.5F;
  recorder.array({.name = "scalar", .shape = {}}, &scalar);
  recorder.array({.name = "nothing", .shape = {0, 3}}, nullptr);
  recorder.log("a line");
  recorder.state(state, state == RunState::kFailed ? "run_failed" : "", state == RunState::kFailed ? "nan" : "",
                 state == RunState::kFailed ? "loss is NaN" : "");
}

TEST(RunFile, ReadsBackWithTheHashThatTheJournalHas) {
  const test::TempFolder folder;
  record_everything(folder.path());
  const Replayed journal = replay_file(folder.path() / kJournalName);
  EXPECT_TRUE(fs::exists(folder.path() / kArrayFolder));
  const Finished finished = finish_run(folder.path(), std::nullopt, false);
  EXPECT_EQ(finished.status, RunState::kDone);
  EXPECT_FALSE(fs::exists(folder.path() / "run.h5.tmp"));
  EXPECT_FALSE(fs::exists(folder.path() / kArrayFolder)) << "the arrays are in run.h5 now";
  const RunData data = read_run_file(finished.file);
  EXPECT_EQ(content_hash(data), content_hash(journal.data));
  EXPECT_EQ(stored_content_hash(finished.file), content_hash(data));
  EXPECT_EQ(data.samples.size(), 1000U);
  EXPECT_EQ(data.choice("method"), "tfmq");
  EXPECT_EQ(data.find_metric("psnr")->sample_column, "score");
  EXPECT_EQ(data.inputs.at(0).licence, "CC0-1.0");
  EXPECT_EQ(data.inputs.at(0).bytes, 5);
  EXPECT_EQ(data.arrays.at("frames").info.shape, (std::vector<std::int64_t>{4, 64, 96, 3}));
}

TEST(RunFile, IsTheSameFileWhenMadeAgain) {
  const test::TempFolder folder;
  record_everything(folder.path(), RunState::kFailed);
  const std::string first = io::read_file(finish_run(folder.path(), std::nullopt, false).file);
  EXPECT_TRUE(first == io::read_file(finish_run(folder.path(), std::nullopt, false).file));
}

TEST(RunFile, TellsTheFailure) {
  const test::TempFolder folder;
  record_everything(folder.path(), RunState::kFailed);
  const RunData data = read_run_file(finish_run(folder.path(), std::nullopt, false).file);
  EXPECT_EQ(data.state(), RunState::kFailed);
  EXPECT_EQ(data.states.back().message, "loss is NaN");
}

TEST(RunFile, PythonReadsItAsDocumented) {
  const test::TempFolder folder;
  record_everything(folder.path());
  finish_run(folder.path(), std::nullopt, false);
  const std::string command =
      cat(FRUGAL_PYTHON, " ", FRUGAL_SOURCE_DIR, "/tests/core/results/check_run_file.py ", folder.path().string());
  EXPECT_EQ(std::system(command.c_str()), 0);
}

TEST(RunFile, RunWithoutAnEndIsInterrupted) {
  const test::TempFolder folder;
  record_everything(folder.path(), RunState::kRunning);
  const Finished finished = finish_run(folder.path(), std::nullopt, true);
  EXPECT_EQ(finished.status, RunState::kInterrupted);
  EXPECT_TRUE(fs::exists(folder.path() / kArrayFolder)) << "a resumed run still needs them";
  EXPECT_EQ(read_run_file(finished.file).samples.size(), 1000U);
}

TEST(RunFile, DamagedJournalGivesWhatLiesBefore) {
  const test::TempFolder folder;
  record_everything(folder.path());
  std::string journal = io::read_file(folder.path() / kJournalName);
  const auto at = journal.find("s500");
  journal[at] = 'X';
  io::write_atomic(folder.path() / kJournalName, journal);
  const Finished finished = finish_run(folder.path(), std::nullopt, true);
  EXPECT_EQ(finished.status, RunState::kRecovered);
  EXPECT_EQ(read_run_file(finished.file).samples.size(), 500U);
  EXPECT_GT(finished.lost_bytes, 0U);
}

TEST(RunFile, MissingArrayFileIsNamedAndTheRestStays) {
  const test::TempFolder folder;
  record_everything(folder.path());
  fs::remove_all(folder.path() / kArrayFolder);
  const Finished finished = finish_run(folder.path(), std::nullopt, true);
  EXPECT_EQ(finished.lost_arrays, std::vector<std::string>{"frames"});
  EXPECT_EQ(read_run_file(finished.file).samples.size(), 1000U);
}

TEST(RunFile, ARunBeingWrittenIsNotFinished) {
  const test::TempFolder folder;
  const Recorder recorder = Recorder::create(folder.path(), {.config_json = "{}"});
  try {
    finish_run(folder.path(), std::nullopt, true);
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "run_locked");
  }
}

TEST(RunFile, EmptyRunHasAllParts) {
  const test::TempFolder folder;
  {
    const Recorder recorder = Recorder::create(folder.path(), {.config_json = "{}"});
  }
  const RunData data = read_run_file(finish_run(folder.path(), std::nullopt, false).file);
  EXPECT_TRUE(data.metrics.empty());
  EXPECT_EQ(data.state(), RunState::kInterrupted);
}

TEST(RunFile, FiveHundredColumnsFit) {
  const test::TempFolder folder;
  {
    Recorder recorder = Recorder::create(folder.path(), {.config_json = "{}"});
    std::vector<Column> columns;
    for (int i = 0; i < 500; ++i)
      columns.push_back({.name = cat("c", i), .unit = "dB", .description = std::string(120, 'd')});
    recorder.declare_samples(columns);
    recorder.sample(std::vector<Value>(500, 1.5));
  }
  EXPECT_EQ(read_run_file(finish_run(folder.path(), std::nullopt, false).file).schema.columns.size(), 500U);
}

}  // namespace
}  // namespace frugal::results
