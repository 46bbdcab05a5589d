// The ranks' collectives: one process, and several as threads.
#include "experiments/parallel/collectives.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <mutex>
#include <numeric>

#include "core/error.h"
#include "core/run/ranks.h"
#include "experiments/parallel/options.h"
#include "experiments/parallel/vote.h"
#include "tests/experiments/run_here.h"
#include "tests/experiments/thread_ranks.h"

namespace frugal {
namespace {

// Of many shapes and types, different on each rank, one of them beyond a bucket.
std::vector<at::Tensor> tensors_of(int rank) {
  std::vector<at::Tensor> tensors;
  for (const int64_t n : {5L, 1L, 300L, 0L, kBucketBytes / 4 + 7, 64L})
    tensors.push_back(at::arange(n, at::kFloat).remainder(1000) + rank);
  for (int i = 0; i < 5; ++i) tensors.push_back(at::full({kBucketBytes / 4 / 3}, i + rank, at::kFloat));
  tensors.push_back(at::full({3, 4}, 0.1 * (rank + 1), at::kDouble));
  tensors.push_back(at::full({2}, int64_t{1} << 60, at::kLong));
  tensors.push_back((at::arange(12, at::kFloat) + rank).view({3, 4}).t());  // not contiguous
  return tensors;
}

TEST(Collectives, OneProcessKeepsWhatItHas) {
  std::optional<results::Recorder> recorder(results::Recorder::none());
  const run::Job job;
  run::RunContext context{
      .job = job, .recorder = *recorder, .checkpoints = run::CheckpointStore("none"), .seeds = run::Seeds(0)};
  Collectives& group = collectives_of(context);
  EXPECT_EQ(group.size(), 1);
  EXPECT_EQ(group.rank(), 0);
  EXPECT_EQ(group.backend(), "none");
  EXPECT_TRUE(group.alone());
  const at::Tensor narrow = at::full({3}, 2, at::kBFloat16);  // no type that ranks add up
  group.sum({narrow});
  group.broadcast({narrow});
  EXPECT_TRUE((narrow == 2).all().item<bool>());
  EXPECT_EQ(group.share("text"), "text");
  EXPECT_EQ(share_of(std::vector<int>{1, 2, 3}, group), (std::vector<int>{1, 2, 3}));
  Vote vote(group, at::kCPU);
  EXPECT_EQ(vote.cast({.stop_signal = 15}).stop_signal, 15);
  EXPECT_FALSE(vote.cast({}).checkpoint);
}

TEST(Collectives, SumsInBuckets) {
  constexpr int kRanks = 3;
  test::on_ranks(kRanks, [&](test::ThreadRank& group) {
    const auto found = tensors_of(group.rank());
    group.sum(found);
    auto wanted = tensors_of(0);
    for (int rank = 1; rank < kRanks; ++rank) {
      const auto more = tensors_of(rank);
      for (size_t i = 0; i < wanted.size(); ++i) wanted[i] = wanted[i] + more[i];
    }
    for (size_t i = 0; i < wanted.size(); ++i) EXPECT_TRUE(found[i].equal(wanted[i])) << i;
    // The large one by itself; the small ones with the two thirds of a bucket that fit; three thirds; one for each
    // change of type.
    EXPECT_EQ(group.calls, 6);
    EXPECT_LE(group.largest_bytes, kBucketBytes + 4 * 7);
  });
}

TEST(Collectives, HandsOutEveryType) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf, at::kLong, at::kInt, at::kBool})
    test::on_ranks(2, [&](test::ThreadRank& group) {
      const at::Tensor mine = at::full({33, 3}, group.rank() == 0 ? 1 : 0, type);
      group.broadcast({mine, mine.clone()});
      EXPECT_TRUE((mine == 1).all().item<bool>()) << at::toString(type);
    });
}

TEST(Collectives, RefusesToAddNarrowNumbers) {
  test::on_ranks(1, [](test::ThreadRank& group) {
    try {
      group.sum({at::full({3}, 2, at::kBFloat16)});
      FAIL() << "bf16 was added up";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "bad_sum");
    }
  });
}

TEST(Collectives, RanksAgreeAndShare) {
  std::vector<int> rows(12);
  std::iota(rows.begin(), rows.end(), 0);
  std::vector<int> seen;
  std::mutex guard;
  test::on_ranks(4, [&](test::ThreadRank& group) {
    EXPECT_EQ(group.share(group.rank() == 0 ? "from 0" : "not this"), "from 0");
    const auto part = share_of(rows, group);
    EXPECT_EQ(part.size(), 3U);
    EXPECT_EQ(part.front(), 3 * group.rank());
    Vote vote(group, at::kCPU);
    EXPECT_EQ(vote.cast({}).stop_signal, 0);
    const Wish wish = vote.cast({.stop_signal = group.rank() == 2 ? 10 : 0, .checkpoint = group.rank() == 1});
    EXPECT_EQ(wish.stop_signal, 10);
    EXPECT_TRUE(wish.checkpoint);
    const std::lock_guard lock(guard);
    seen.insert(seen.end(), part.begin(), part.end());
  });
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, rows);
}

class Environment : public ::testing::Test {
 protected:
  void SetUp() override { clear(); }
  void TearDown() override { clear(); }
  static void clear() {
    for (const char* name : {"RANK", "WORLD_SIZE", "LOCAL_RANK", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
                             "OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"})
      ::unsetenv(name);
  }
  static void set(const char* name, const char* value) { ::setenv(name, value, 1); }
  static std::string refusal() {
    try {
      run::place_in_environment();
      return "";
    } catch (const Error& error) {
      return error.code();
    }
  }
};

TEST_F(Environment, TellsTheRank) {
  EXPECT_FALSE(run::place_in_environment());
  set("SLURM_PROCID", "0");  // the script of a batch job
  EXPECT_FALSE(run::place_in_environment());
  set("SLURM_STEP_NUM_TASKS", "8");
  set("SLURM_PROCID", "5");
  set("SLURM_LOCALID", "1");
  auto place = run::place_in_environment();
  ASSERT_TRUE(place);
  EXPECT_EQ(place->rank, 5);
  EXPECT_EQ(place->size, 8);
  EXPECT_EQ(place->local_rank, 1);
  EXPECT_EQ(place->launcher, "srun");
  set("OMPI_COMM_WORLD_RANK", "1");
  set("OMPI_COMM_WORLD_SIZE", "2");
  EXPECT_EQ(run::place_in_environment()->launcher, "mpirun");
  set("RANK", "3");
  set("WORLD_SIZE", "4");
  place = run::place_in_environment();
  EXPECT_EQ(place->launcher, "torchrun");
  EXPECT_EQ(place->local_rank, 3) << "on one machine without LOCAL_RANK";
}

TEST_F(Environment, RefusesWhatCannotBe) {
  set("RANK", "2");
  set("WORLD_SIZE", "2");
  EXPECT_EQ(refusal(), "bad_rank");
  for (const char* text : {"-1", "x", "1x", "", "99999999999"}) {
    set("RANK", text);
    EXPECT_EQ(refusal(), "bad_rank") << text;
  }
}

std::string refused(const char* config) {
  try {
    check_parallel(Json::parse(config));
    return "";
  } catch (const Error& error) {
    return error.code();
  }
}

TEST(ParallelOptions, AreCheckedWithTheExperiment) {
  EXPECT_EQ(refused(R"({"experiment": {"name": "profile"}})"), "");
  EXPECT_EQ(refused(R"({"parallel": {"ranks": 1}, "experiment": {"name": "profile"}})"), "");
  EXPECT_EQ(refused(R"({"parallel": {"ranks": 2}, "experiment": {"name": "profile"}})"), "ranks_not_supported");
  EXPECT_EQ(refused(R"({"parallel": {"ranks": 2}, "experiment": {"name": "distillation", "batch_size": 4}})"), "");
  EXPECT_EQ(refused(R"({"parallel": {"ranks": 3}, "experiment": {"name": "distillation", "batch_size": 4}})"),
            "batch_not_divisible");
  EXPECT_EQ(refused(R"({"parallel": {"ranks": 2}, "experiment": {"name": "preference"}, "device": {"index": 1}})"),
            "bad_value");
  EXPECT_EQ(refused(R"({"parallel": {"rank": 2}, "experiment": {"name": "preference"}})"), "unknown_key");
}

}  // namespace
}  // namespace frugal
