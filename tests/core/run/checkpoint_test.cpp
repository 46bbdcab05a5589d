#include "core/run/checkpoint.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/io/file.h"
#include "core/run/code_version.h"
#include "core/run/provenance.h"
#include "core/run/run_folder.h"
#include "tests/support/temp_folder.h"

namespace frugal::run {
namespace {

namespace fs = std::filesystem;

class CheckpointTest : public testing::Test {
 protected:
  void save(std::int64_t step) const {
    store_.save(step, cat("at ", step), [&](const fs::path& folder) {
      io::write_atomic(folder / "model.bin", std::string(1000, static_cast<char>(step)));
      io::write_atomic(folder / "optimiser.bin", cat(step));
    });
  }
  test::TempFolder folder_;
  CheckpointStore store_{folder_.path() / "checkpoints"};
};

TEST_F(CheckpointTest, KeepsTheLastTwo) {
  EXPECT_FALSE(store_.load_latest());
  for (const int step : {10, 20, 30, 100}) save(step);
  EXPECT_EQ(store_.steps(), (std::vector<std::int64_t>{100, 30}));
  const auto latest = store_.load_latest();
  ASSERT_TRUE(latest);
  EXPECT_EQ(latest->step, 100);
  EXPECT_EQ(latest->metadata, "at 100");
  EXPECT_EQ(io::read_file(latest->folder / "optimiser.bin"), "100");
}

TEST_F(CheckpointTest, DamageOfAnyKindFallsBack) {
  const auto damages = std::vector<std::function<void(const fs::path&)>>{
      [](const fs::path& path) { io::write_atomic(path / "model.bin", std::string(1000, 'x')); },
      [](const fs::path& path) { fs::resize_file(path / "model.bin", 999); },
      [](const fs::path& path) { fs::remove(path / "optimiser.bin"); },
      [](const fs::path& path) { fs::remove(path / "manifest.json"); },
      [](const fs::path& path) { io::write_atomic(path / "manifest.json", "{"); },
      [](const fs::path& path) {
        io::write_atomic(path / "manifest.json", R"({"files":{"model.bin":3},"metadata":""})");
      },
  };
  for (const auto& damage : damages) {
    save(1);
    save(2);
    damage(folder_.path() / "checkpoints/step-000000000002");
    const auto latest = store_.load_latest();
    ASSERT_TRUE(latest);
    EXPECT_EQ(latest->step, 1);
  }
}

TEST_F(CheckpointTest, FailedSaveLeavesTheFormerOnes) {
  save(1);
  EXPECT_THROW(store_.save(2, "", [](const fs::path&) { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_THROW(store_.save(2, "", [](const fs::path& folder) { fs::create_directory(folder / "x"); }), Error);
  EXPECT_EQ(store_.steps(), std::vector<std::int64_t>{1});
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path() / "checkpoints"), {}), 1)
      << "no temporary folder stays";
  save(1);
  EXPECT_EQ(store_.load_latest()->step, 1) << "saving a step again replaces it";
}

TEST(RunFolder, HydraFilesAreYaml) {
  const test::TempFolder folder;
  write_hydra_files(folder.path(), "a: 1\n", "b: 2\n", {"x=1", "y='a: \"b\"'"});
  EXPECT_EQ(io::read_file(folder.path() / ".hydra/config.yaml"), "a: 1\n");
  EXPECT_EQ(io::read_file(folder.path() / ".hydra/overrides.yaml"), "- \"x=1\"\n- \"y='a: \\\"b\\\"'\"\n");
  EXPECT_EQ(folder_status(folder.path()), FolderStatus::kFresh);
}

TEST(Provenance, SaysWhatBuiltAndWhatRuns) {
  const auto facts = run_provenance({"frugal", "run", "seed=1"});
  EXPECT_EQ(facts.at("command_line"), "frugal run seed=1");
  for (const char* key : {"code.commit", "code.dirty", "code.compiler", "code.build_type", "host.name", "host.kernel",
                          "cpu.model", "cpu.flags", "cpu.threads", "memory.bytes", "library.hdf5", "working_folder"})
    EXPECT_FALSE(facts.at(key).empty()) << key;
  EXPECT_TRUE(facts.contains("code.diff_sha256"));
  EXPECT_GT(std::stoll(facts.at("memory.bytes")), 1 << 20);
}

}  // namespace
}  // namespace frugal::run
