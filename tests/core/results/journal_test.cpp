#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/io/file.h"
#include "core/results/frames.h"
#include "core/results/journal.h"
#include "core/results/recorder.h"
#include "core/results/run_data.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace frugal::results {
namespace {

using test::code_of;

const RunHeader kHeader{.config_json = R"({"seed":1,"method":{"bits":4}})", .overrides = {"method.bits=4"}};

void record_steps(Recorder& recorder, int from, int to) {
  recorder.declare_samples({{.name = "id", .type = ColumnType::kInt64}, {.name = "text", .type = ColumnType::kString}},
                           {{.name = "scores"}});
  for (int i = from; i < to; ++i) {
    recorder.series("train/loss", i, 1.0 / (i + 1));
    recorder.sample({i, cat("s", i)}, {std::vector<double>(static_cast<std::size_t>(i % 3), i)});
  }
}

TEST(Journal, GivesBackWhatWasRecorded) {
  const test::TempFolder folder;
  {
    Recorder recorder = Recorder::create(folder.path(), kHeader);
    recorder.state(RunState::kRunning);
    record_steps(recorder, 0, 10);
    recorder.metric({.name = "accuracy", .value = 0.5, .count = 10});
    recorder.metric({.name = "accuracy", .value = 0.75, .unit = "1", .standard_error = 0.1, .count = 20});
    recorder.timing({.phase = "decode", .index = 3, .ns = 1234, .cold = true});
    const std::vector<float> small(8, 1.5F);
    recorder.array({.name = "small", .shape = {2, 4}, .dims = {"a", "b"}}, small.data());
    recorder.event("oom", {{"bytes", 12}});
    recorder.log("hello");
    recorder.provenance("host", "h");
    recorder.state(RunState::kDone);
  }
  const RunData data = replay_file(folder.path() / kJournalName).data;
  EXPECT_EQ(data.open.config_json, kHeader.config_json);
  EXPECT_EQ(data.state(), RunState::kDone);
  ASSERT_EQ(data.samples.size(), 10U);
  EXPECT_EQ(std::get<std::string>(data.samples[7].cells[1]), "s7");
  EXPECT_EQ(data.samples[5].lists[0], (std::vector<double>{5, 5}));
  ASSERT_EQ(data.metrics.size(), 1U);
  EXPECT_EQ(data.metrics[0].value, 0.75);
  EXPECT_EQ(data.metrics[0].count, 20);
  EXPECT_EQ(data.series.at("train/loss").values[3], 0.25);
  EXPECT_EQ(data.timings.at(0).ns, 1234);
  EXPECT_EQ(data.arrays.at("small").data.size(), 32U);
  EXPECT_EQ(data.events.at(0).json, R"({"bytes":12})");
  EXPECT_EQ(data.log.at(0).line, "hello");
}

TEST(Journal, EveryTornTailIsDropped) {
  const test::TempFolder folder;
  {
    Recorder recorder = Recorder::create(folder.path(), kHeader);
    record_steps(recorder, 0, 5);
  }
  const std::string whole = io::read_file(folder.path() / kJournalName);
  std::size_t last_count = 0;
  for (std::size_t length = whole.size(); length > 200; --length) {
    const auto bytes = io::as_bytes(std::string_view(whole).substr(0, length));
    const Replayed replayed = replay(bytes, "cut");
    EXPECT_FALSE(replayed.damaged) << length;
    EXPECT_EQ(replayed.valid_bytes + replayed.lost_bytes, length);
    if (length < whole.size()) {
      EXPECT_LE(replayed.data.samples.size(), last_count);
    }
    last_count = replayed.data.samples.size();
  }
  EXPECT_LT(last_count, 5U);
}

TEST(Journal, EveryFlippedBitIsNoticed) {
  const test::TempFolder folder;
  {
    Recorder recorder = Recorder::create(folder.path(), kHeader);
    record_steps(recorder, 0, 3);
  }
  const std::string whole = io::read_file(folder.path() / kJournalName);
  const Replayed good = replay(io::as_bytes(whole), "good");
  for (std::size_t bit = 0; bit < whole.size() * 8; bit += 3) {
    std::string bad = whole;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    try {
      const Replayed replayed = replay(io::as_bytes(bad), "flipped");
      EXPECT_LE(replayed.valid_bytes, bit / 8) << "bit " << bit;
      EXPECT_GT(replayed.lost_bytes, 0U);
      EXPECT_LE(replayed.data.samples.size(), good.data.samples.size());
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBadData);
    }
  }
}

TEST(Journal, DamageBeforeTheTailIsToldFromATornTail) {
  const test::TempFolder folder;
  {
    Recorder recorder = Recorder::create(folder.path(), kHeader);
    record_steps(recorder, 0, 50);
  }
  const auto path = folder.path() / kJournalName;
  std::string text = io::read_file(path);
  text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 1);
  io::write_atomic(path, text);
  EXPECT_TRUE(replay_file(path).damaged);
  EXPECT_EQ(code_of([&] { Recorder::resume(folder.path(), kHeader); }), "journal_damaged");
}

TEST(Journal, SecondWriterAndSecondRunAreRefused) {
  const test::TempFolder folder;
  const Recorder first = Recorder::create(folder.path(), kHeader);
  EXPECT_EQ(code_of([&] { Recorder::create(folder.path(), kHeader); }), "run_exists");
  EXPECT_EQ(code_of([&] { Recorder::resume(folder.path(), kHeader); }), "run_locked");
  EXPECT_EQ(code_of([&] { lock_journal(folder.path() / kJournalName); }), "run_locked");
}

TEST(Recorder, ResumedRunHasTheContentOfAnUnbrokenOne) {
  const test::TempFolder whole, broken;
  {
    Recorder recorder = Recorder::create(whole.path(), kHeader);
    record_steps(recorder, 0, 20);
    recorder.metric({.name = "m", .value = 1});
  }
  Position checkpoint;
  {
    Recorder recorder = Recorder::create(broken.path(), kHeader);
    record_steps(recorder, 0, 8);
    checkpoint = recorder.position();
    record_steps(recorder, 8, 13);  // superseded
    recorder.metric({.name = "early", .value = 3});
    recorder.series("other", 1, 1);
  }
  {
    Recorder recorder = Recorder::resume(broken.path(), kHeader);
    EXPECT_TRUE(recorder.resumed());
    recorder.rewind(Position::parse(checkpoint.text()));
    record_steps(recorder, 8, 15);
    EXPECT_NO_THROW(recorder.series("other/deeper", 1, 1)) << "the name of a superseded series is free again";
  }
  {
    Recorder recorder = Recorder::resume(broken.path(), kHeader);  // once more, from the same checkpoint
    recorder.rewind(checkpoint);
    record_steps(recorder, 8, 20);
    recorder.metric({.name = "m", .value = 1});
  }
  const RunData a = replay_file(whole.path() / kJournalName).data;
  const RunData b = replay_file(broken.path() / kJournalName).data;
  EXPECT_EQ(b.samples.size(), 20U);
  EXPECT_EQ(content_hash(a), content_hash(b));
}

TEST(Recorder, ResumingWithoutACheckpointStartsAgain) {
  const test::TempFolder folder;
  {
    Recorder recorder = Recorder::create(folder.path(), kHeader);
    record_steps(recorder, 0, 5);
  }
  {
    Recorder recorder = Recorder::resume(folder.path(), kHeader);
    record_steps(recorder, 0, 2);
  }
  EXPECT_EQ(replay_file(folder.path() / kJournalName).data.samples.size(), 2U);
}

TEST(Recorder, RefusesWhatIsWrong) {
  const test::TempFolder folder;
  Recorder recorder = Recorder::create(folder.path(), kHeader);
  EXPECT_EQ(code_of([&] { recorder.sample({1}); }), "bad_sample");
  EXPECT_EQ(code_of([&] { recorder.declare_samples({{.name = "a b"}}); }), "bad_name");
  EXPECT_EQ(code_of([&] { recorder.declare_samples({{.name = "a"}, {.name = "a"}}); }), "bad_columns");
  EXPECT_EQ(code_of([&] { recorder.declare_samples(std::vector<Column>(900, {.name = "x"})); }), "bad_columns");
  EXPECT_EQ(code_of([&] { recorder.declare_samples({{.name = "e", .type = ColumnType::kEnum}}); }), "bad_columns");
  recorder.declare_samples({{.name = "e", .type = ColumnType::kEnum, .labels = {"yes", "no"}}});
  EXPECT_EQ(code_of([&] { recorder.sample({"maybe"}); }), "bad_sample");
  EXPECT_EQ(code_of([&] { recorder.sample({1.0}); }), "bad_sample");
  EXPECT_EQ(code_of([&] { recorder.sample({"yes", "no"}); }), "bad_sample");
  EXPECT_NO_THROW(recorder.sample({"yes"}));
  EXPECT_EQ(code_of([&] { recorder.declare_samples({{.name = "other"}}); }), "bad_columns");
  recorder.series("a/b", 0, 0);
  EXPECT_EQ(code_of([&] { recorder.series("a", 0, 0); }), "bad_name");
  EXPECT_EQ(code_of([&] { recorder.series("a/b/c", 0, 0); }), "bad_name");
  EXPECT_EQ(code_of([&] { recorder.series("../x", 0, 0); }), "bad_name");
  EXPECT_EQ(code_of([&] { recorder.array({.name = "x", .shape = {-1}}, nullptr); }), "bad_array");
  EXPECT_EQ(code_of([&] { recorder.array({.name = "x", .shape = {1LL << 40, 1LL << 40}}, nullptr); }), "bad_array");
  EXPECT_EQ(code_of([&] { recorder.input("data", folder.path() / "none"); }), "missing_file");
  EXPECT_EQ(code_of([&] { recorder.rewind({.run_id = "other", .offset = 0}); }), "bad_position");
  EXPECT_EQ(code_of([&] { recorder.rewind({.run_id = recorder.run_id(), .offset = 1U << 30U}); }), "bad_position");
}

TEST(ContentHash, IgnoresWhatMayVaryAndNothingElse) {
  const auto hash_of = [](const std::function<void(Recorder&)>& record, const std::string& config = R"({"seed":1})") {
    const test::TempFolder folder;
    {
      Recorder recorder = Recorder::create(folder.path(), {.config_json = config});
      record(recorder);
    }
    return content_hash(replay_file(folder.path() / kJournalName).data);
  };
  const auto base = [](double value, double latency) {
    return [=](Recorder& recorder) {
      recorder.metric({.name = "m", .value = value});
      recorder.metric({.name = "ms", .value = latency, .repeat = Repeat::kMayVary});
      recorder.declare_series("memory", "B", "", Repeat::kMayVary);
      recorder.series("memory", 0, latency);
      recorder.declare_samples({{.name = "v"}, {.name = "ns", .repeat = Repeat::kMayVary}});
      recorder.sample({value, latency});
      recorder.timing({.phase = "p", .ns = static_cast<std::int64_t>(latency)});
    };
  };
  const std::string reference = hash_of(base(1, 2));
  EXPECT_EQ(hash_of(base(1, 3)), reference);
  EXPECT_NE(hash_of(base(1.0000000000000002, 2)), reference);
  EXPECT_EQ(hash_of(base(1, 2), R"({"user":{"note":"x"},"seed":1,"hydra":{"run":"y"}})"), reference);
  EXPECT_NE(hash_of(base(1, 2), R"({"seed":2})"), reference);
}

}  // namespace
}  // namespace frugal::results
