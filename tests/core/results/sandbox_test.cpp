// Files of strangers: damaged ones are told as damaged, and never end the program that asks.
#include "core/results/sandbox.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <random>

#include "core/error.h"
#include "core/io/file.h"
#include "core/results/compare.h"
#include "core/results/export.h"
#include "core/results/merge.h"
#include "core/results/recorder.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace frugal::results {
namespace {

using test::code_of;
namespace fs = std::filesystem;

struct Spec {
  int bits = 4;
  std::string method = "tfmq";
  std::uint64_t seed = 1;
  double shift = 0;
  std::string dataset = "tiny";
  std::string input = "data";
  int samples = 200;
};

// A finished run in `folder`, with samples that are the same noise for every run but for `shift`.
fs::path make_run(const fs::path& folder, const Spec& spec) {
  fs::create_directories(folder);
  {
    Recorder recorder = Recorder::create(
        folder, {.config_json = cat(R"({"seed":)", spec.seed, R"(,"method":{"bits":)", spec.bits,
                                    R"(},"dataset":{"name":")", spec.dataset, R"("},"model":{"hidden":64}})"),
                 .choices = {{"method", spec.method}, {"experiment", "e"}}});
    io::write_atomic(folder / "input", spec.input);
    recorder.input("dataset", folder / "input");
    recorder.declare_samples({{.name = "id", .type = ColumnType::kInt64}, {.name = "psnr"}});
    std::mt19937_64 random(7);
    double sum = 0;
    for (int i = 0; i < spec.samples; ++i) {
      const double value = 30 + 5 * static_cast<double>(random() >> 11U) * 0x1p-53 + spec.shift;
      sum += value;
      recorder.sample({i, value});
    }
    recorder.series("train/loss", 1, 0.5);
    const std::vector<float> frame(12, 1);
    recorder.array({.name = "frames", .shape = {3, 4}, .dims = {"frame", "pixel"}}, frame.data());
    recorder.metric({.name = "psnr",
                     .value = sum / spec.samples,
                     .unit = "dB",
                     .direction = Direction::kHigherIsBetter,
                     .count = spec.samples,
                     .sample_column = "psnr"});
    recorder.metric({.name = "fid", .value = 3 + spec.shift, .standard_error = 0.1});
    recorder.state(RunState::kDone);
  }
  return finish_run(folder, std::nullopt, false).file;
}

class StrangersFiles : public testing::Test {
 protected:
  void SetUp() override { set_reader_program(fs::path(FRUGAL_BINARY_DIR) / "frugal"); }
  test::TempFolder folder_;
};

TEST_F(StrangersFiles, WholeOnesComeThroughUnchanged) {
  const fs::path file = make_run(folder_.path(), {});
  const RunData data = read_run(file);
  EXPECT_EQ(content_hash(data), stored_content_hash(file));
  EXPECT_EQ(data.samples.size(), 200U);
  EXPECT_EQ(code_of([&] { read_run(folder_.path() / "none.h5"); }), "missing_file");
}

TEST_F(StrangersFiles, FlippedBytesNeverEndUs) {
  const std::string whole = io::read_file(make_run(folder_.path() / "run", {}));
  const std::string hash = stored_content_hash(folder_.path() / "run/run.h5");
  std::mt19937_64 random(3);
  std::vector<fs::path> files;
  for (int i = 0; i < 300; ++i) {
    std::string bad = whole;
    // Half of them in the first kilobytes, where the structure of the file lies.
    const std::size_t range = i % 2 == 0 ? 4096 : bad.size();
    for (int flips = 0; flips < 1 + i % 8; ++flips) bad[random() % range] ^= static_cast<char>(1U << random() % 8);
    if (i % 10 == 0) bad.resize(random() % bad.size());
    files.push_back(folder_.path() / cat(i, ".h5"));
    io::write_atomic(files.back(), bad, io::Durability::kNoSync);
  }
  const auto entries = read_runs(files, Parts::kAll);
  ASSERT_EQ(entries.size(), files.size());
  int refused = 0, unchanged = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    EXPECT_EQ(entries[i].path, files[i]);
    EXPECT_EQ(entries[i].data.has_value(), entries[i].error.empty());
    refused += entries[i].data ? 0 : 1;
    if (entries[i].data) unchanged += content_hash(*entries[i].data) == hash ? 1 : 0;
  }
  EXPECT_GT(refused, 100);
  EXPECT_GT(unchanged, 20) << "flips in unused bytes or in what may vary";
}

TEST_F(StrangersFiles, OtherFilesAreRefusedByName) {
  make_run(folder_.path() / "run", {});
  const fs::path index = write_index(folder_.path(), scan_runs(folder_.path()));
  const fs::path text = folder_.path() / "text.h5";
  io::write_atomic(text, "no HDF5");
  const auto entries = read_runs({index, text, folder_.path() / "run/run.h5"}, Parts::kSummary);
  EXPECT_NE(entries[0].error.find("not the result file of a run"), std::string::npos);
  EXPECT_NE(entries[1].error.find("signature"), std::string::npos) << entries[1].error;
  EXPECT_TRUE(entries[2].data);
}

TEST_F(StrangersFiles, IndexAndMergeAreReadFromPython) {
  int run = 0;
  for (const char* method : {"tfmq", "lora"})
    for (const int bits : {4, 8})
      make_run(folder_.path() / cat("runs/", run++), {.bits = bits, .method = method, .shift = 0.1 * bits});
  make_run(folder_.path() / "runs/bad", {});
  fs::resize_file(folder_.path() / "runs/bad/run.h5", 500);
  write_index(folder_.path() / "runs", scan_runs(folder_.path() / "runs"));
  std::vector<fs::path> files;
  for (int i = 0; i < 4; ++i) files.push_back(folder_.path() / cat("runs/", i, "/run.h5"));
  merge_runs(files, folder_.path() / "merged.h5");
  EXPECT_EQ(code_of([&] { merge_runs(files, folder_.path() / "merged.h5"); }), "output_exists");
  EXPECT_EQ(code_of([&] { merge_runs({files[0], files[0]}, folder_.path() / "x.h5"); }), "duplicate_run");
  EXPECT_EQ(code_of([&] { merge_runs({folder_.path() / "runs/bad/run.h5"}, folder_.path() / "x.h5"); }),
            "damaged_hdf5");
  EXPECT_EQ(code_of([&] { merge_runs({}, folder_.path() / "x.h5"); }), "no_runs");
  EXPECT_FALSE(fs::exists(folder_.path() / "x.h5"));
  const std::string command =
      cat(FRUGAL_PYTHON, " ", FRUGAL_SOURCE_DIR, "/tests/core/results/check_index.py ", folder_.path().string());
  EXPECT_EQ(std::system(command.c_str()), 0);
}

TEST_F(StrangersFiles, ComparisonIsPairedWhereSamplesMatch) {
  const RunData a = read_run_file(make_run(folder_.path() / "a", {}));
  const RunData b = read_run_file(make_run(folder_.path() / "b", {.bits = 8, .shift = 0.5}));
  const Comparison same_samples = compare_runs(a, b, true);
  ASSERT_EQ(same_samples.metrics.size(), 2U);
  const MetricDifference& psnr = same_samples.metrics[0];
  EXPECT_NEAR(psnr.difference, 0.5, 1e-9);
  EXPECT_NEAR(*psnr.ci_low, 0.5, 1e-6) << "every sample moved by the same amount: a pairing sees no spread";
  EXPECT_NEAR(*psnr.ci_high, 0.5, 1e-6);
  EXPECT_NEAR(*same_samples.metrics[1].ci_high - 0.5, 1.96 * 0.1414, 1e-3);
  ASSERT_EQ(same_samples.config.size(), 1U);
  EXPECT_EQ(same_samples.config[0].key, "method.bits");

  const RunData fewer = read_run_file(make_run(folder_.path() / "c", {.shift = 0.5, .samples = 150}));
  EXPECT_EQ(code_of([&] { compare_runs(a, fewer, true); }), "not_paired");
  const MetricDifference unpaired = compare_runs(a, fewer, false).metrics[0];
  EXPECT_LT(*unpaired.ci_low, unpaired.difference - 0.1);
  EXPECT_GT(*unpaired.ci_high, unpaired.difference + 0.1);
  EXPECT_EQ(*compare_runs(a, fewer, false).metrics[0].ci_low, *unpaired.ci_low) << "the same at every call";
}

TEST_F(StrangersFiles, ComparisonIsRefusedWithTheReason) {
  const RunData a = read_run_file(make_run(folder_.path() / "a", {}));
  const auto reason = [&](const RunData& b) {
    try {
      compare_runs(a, b, false);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "not_comparable");
      return error.message();
    }
    return std::string();
  };
  const RunData other_set = read_run_file(make_run(folder_.path() / "b", {.dataset = "other"}));
  EXPECT_NE(reason(other_set).find("dataset.name"), std::string::npos);
  const RunData other_bytes = read_run_file(make_run(folder_.path() / "c", {.input = "other data"}));
  EXPECT_NE(reason(other_bytes).find("different data"), std::string::npos);
  RunData other_prompt = a;
  other_prompt.provenance["prompt.sha256"] = "abc";
  EXPECT_NE(reason(other_prompt).find("prompt.sha256"), std::string::npos);
  RunData other_unit = a;
  other_unit.metrics[0].unit = "percent";
  EXPECT_NE(reason(other_unit).find("percent"), std::string::npos);
  EXPECT_EQ(reason(a), "");
}

TEST(Export, QuotesWhatEachFormatNeeds) {
  const RunTable table{.columns = {{.name = "a,b", .type = ColumnType::kString}, {.name = "x", .unit = "dB"}},
                       .rows = {{"he said \"no\",\nor | so", 0.1}, {"", std::nan("")}}};
  EXPECT_EQ(to_text(table, TextFormat::kCsv), "\"a,b\",x\r\n\"he said \"\"no\"\",\nor | so\",0.1\r\n,\r\n");
  EXPECT_EQ(to_text(table, TextFormat::kMarkdown),
            "| a,b | x (dB) |\n| --- | ---: |\n| he said \"no\", or \\| so | 0.1 |\n|  |  |\n");
  EXPECT_EQ(to_text(table, TextFormat::kJson),
            "[\n {\n  \"a,b\": \"he said \\\"no\\\",\\nor | so\",\n  \"x\": 0.1\n },\n {\n  \"a,b\": \"\",\n  \"x\": "
            "null\n }\n]\n");
  EXPECT_EQ(code_of([] { parse_text_format("xlsx"); }), "bad_format");
}

}  // namespace
}  // namespace frugal::results
