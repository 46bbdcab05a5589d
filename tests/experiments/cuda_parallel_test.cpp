// Ranks on real GPUs, through NCCL. Built wherever nvcc is; skips itself without a device, what takes two without two.
#include <ATen/Context.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdlib>

#include "core/error.h"
#include "core/results/run_data.h"
#include "core/results/run_file.h"
#include "experiments/parallel/join.h"
#include "experiments/parallel/vote.h"
#include "models/nn/cuda_support.h"
#include "tests/experiments/cuda_inputs.h"
#include "tests/experiments/run_here.h"

namespace frugal {
namespace {

using nlohmann::json;
using test::has_gpu;

void set_place(const char* rank, const char* size) {
  for (const auto& [name, value] : {std::pair{"RANK", rank}, {"WORLD_SIZE", size}, {"LOCAL_RANK", rank}})
    ::setenv(name, value, 1);
  ::setenv("MASTER_ADDR", "127.0.0.1", 1);
  ::setenv("MASTER_PORT", "29571", 1);
}

// A group of one rank: NCCL itself, every call through it.
class CudaParallel : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_gpu()) GTEST_SKIP() << "no usable GPU on this machine";
    set_place("0", "1");
    ranks_ = join_ranks({.ranks = 1, .rank_timeout_minutes = 1});
  }
  void TearDown() override {
    if (ranks_) ranks_->leave(true);
    for (const char* name : {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"}) ::unsetenv(name);
  }
  Collectives& group() { return dynamic_cast<Collectives&>(*ranks_); }
  std::unique_ptr<run::Ranks> ranks_;
};

TEST_F(CudaParallel, OneRankKeepsWhatItHas) {
  EXPECT_EQ(group().backend(), "nccl");
  EXPECT_EQ(group().size(), 1);
  EXPECT_FALSE(group().alone());
  for (const at::Device device : {at::Device(at::kCUDA, 0), at::Device(at::kCPU)}) {
    std::vector<at::Tensor> tensors, before;
    for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kLong})
      for (const int64_t n : {int64_t{0}, int64_t{3}, int64_t{100000}, kBucketBytes / 4 + 5})
        tensors.push_back(at::arange(n, at::TensorOptions(type).device(device)));
    for (const at::Tensor& tensor : tensors) before.push_back(tensor.clone());
    group().sum(tensors);
    group().broadcast(tensors);
    for (size_t i = 0; i < tensors.size(); ++i) EXPECT_TRUE(tensors[i].equal(before[i])) << i << " on " << device;
  }
  EXPECT_EQ(group().share("text"), "text");
}

TEST_F(CudaParallel, WishesAreHeardAStepLater) {
  Vote vote(group(), at::Device(at::kCUDA, 0));
  EXPECT_EQ(vote.cast({.stop_signal = 15, .checkpoint = true}).stop_signal, 0);
  const Wish heard = vote.cast({});
  EXPECT_EQ(heard.stop_signal, 15);
  EXPECT_TRUE(heard.checkpoint);
  EXPECT_FALSE(vote.cast({.checkpoint = true}).checkpoint);
  vote.clear();
  EXPECT_FALSE(vote.cast({}).checkpoint);
}

// Through NCCL, buckets and votes, the run of one rank is that of one process bit for bit.
TEST_F(CudaParallel, OneRankTrainsAsOneProcess) {
  const test::TempFolder folder;
  test::write_inputs(folder.path());
  const json config = test::distillation_config(folder.path(), "cuda");
  const auto alone = test::run_here(config), ranked = test::run_here(config, ranks_.get());
  ASSERT_EQ(alone.result.state, results::RunState::kDone) << alone.result.message;
  ASSERT_EQ(ranked.result.state, results::RunState::kDone) << ranked.result.message;
  EXPECT_EQ(results::content_hash(alone.data), results::content_hash(ranked.data));
}

TEST(CudaRendezvous, NobodyComes) {
  if (!has_gpu()) GTEST_SKIP() << "no usable GPU on this machine";
  set_place("1", "2");
  try {
    join_ranks({.ranks = 2, .rank_timeout_minutes = 0.02});
    FAIL() << "met nobody";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "no_rendezvous");
  }
  for (const char* name : {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"}) ::unsetenv(name);
}

// Runs `frugal run` with the config's leaves as overrides; returns its exit code.
int frugal_run(const std::string& arguments, const std::filesystem::path& log) {
  const std::string command =
      std::string(FRUGAL_BINARY_DIR) + "/frugal run " + arguments + " > " + log.string() + " 2>&1";
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The whole way: front end, a process on each GPU, NCCL between them.
TEST(CudaRanks, TwoGpusTrainAsOne) {
  if (!has_gpu()) GTEST_SKIP() << "no usable GPU on this machine";
  if (cuda::device_count() < 2) GTEST_SKIP() << "one GPU: two ranks cannot be tried here";
  const test::TempFolder folder;
  test::write_inputs(folder.path());
  std::vector<results::RunData> runs;
  for (const char* ranks : {"1", "2"}) {
    const auto run = folder.path() / ranks;
    ASSERT_EQ(frugal_run(test::distillation_overrides(folder.path()) + " device=cuda parallel.ranks=" + ranks +
                             " hydra.run.dir=" + run.string(),
                         folder.path() / "log"),
              0)
        << io::read_file(folder.path() / "log");
    runs.push_back(results::read_run_file(run / results::kRunFileName, results::Parts::kAll));
  }
  const std::vector<double>&one = runs[0].series.at("train/loss").values, &two = runs[1].series.at("train/loss").values;
  ASSERT_EQ(one.size(), two.size());
  for (size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(one[i], two[i], 1e-4 * std::abs(one[i])) << i;
  EXPECT_EQ(runs[1].provenance.at("parallel.backend"), "nccl");
}

TEST(CudaRanks, MoreThanGpusAreRefused) {
  if (!has_gpu()) GTEST_SKIP() << "no usable GPU on this machine";
  const test::TempFolder folder;
  test::write_inputs(folder.path());
  const auto log = folder.path() / "log";
  EXPECT_EQ(frugal_run(test::distillation_overrides(folder.path()) + " device=cuda parallel.ranks=64" +
                           " experiment.batch_size=64 hydra.run.dir=" + (folder.path() / "run").string(),
                       log),
            4);
  EXPECT_NE(io::read_file(log).find("(too_few_gpus)"), std::string::npos) << io::read_file(log);
}

}  // namespace
}  // namespace frugal
