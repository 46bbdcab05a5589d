// What join_mpi.cpp gives, in each of the processes that mpirun starts (ctest says how many): the test of the group.
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "experiments/parallel/join.h"
#include "experiments/parallel/vote.h"

namespace frugal {
namespace {

int launched() {
  return run::place_in_environment().value_or(run::RankPlace{}).size;
}

// MPI starts once a process.
Collectives& group() {
  static const std::unique_ptr<run::Ranks> ranks = join_ranks({.ranks = launched(), .rank_timeout_minutes = 0.5});
  return dynamic_cast<Collectives&>(*ranks);
}

class Leave final : public ::testing::Environment {
  void TearDown() override { group().leave(true); }
};
const ::testing::Environment* const kLeave = ::testing::AddGlobalTestEnvironment(new Leave);

TEST(Mpi, IsTheLaunchersGroup) {
  EXPECT_EQ(group().size(), launched());
  EXPECT_EQ(group().rank(), run::place_in_environment()->rank);
  EXPECT_GT(group().size(), 1) << "started without mpirun";
  EXPECT_EQ(group().backend(), "mpi");
}

TEST(Mpi, AddsUp) {
  const double n = group().size(), ranks = n * (n - 1) / 2;
  std::vector<at::Tensor> tensors;
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kLong})
    for (const int64_t size : {int64_t{0}, int64_t{1}, int64_t{1000}, kBucketBytes / 4 + 3})
      tensors.push_back(at::full({size}, group().rank() + 1, type));
  group().sum(tensors);
  for (const at::Tensor& tensor : tensors) EXPECT_TRUE((tensor == ranks + n).all().item<bool>()) << tensor.sizes();
}

TEST(Mpi, HandsOutTextAndTensors) {
  const std::string text(100000, 'x');
  EXPECT_EQ(group().share(group().rank() == 0 ? text : "other"), text);
  EXPECT_EQ(group().share({}), "");
  const at::Tensor mine = at::arange(70001, at::kFloat).to(at::kBFloat16) * (group().rank() + 1);
  group().broadcast({mine});
  EXPECT_TRUE(mine.equal(at::arange(70001, at::kFloat).to(at::kBFloat16)));
}

TEST(Mpi, Agrees) {
  Vote vote(group(), at::kCPU);
  const Wish wish = vote.cast({.stop_signal = group().rank() == 1 ? 15 : 0, .checkpoint = group().rank() == 0});
  EXPECT_EQ(wish.stop_signal, 15);
  EXPECT_TRUE(wish.checkpoint);
}

// In fp64 the gradient of the whole batch's mean is the ranks' sum to the last digits.
TEST(Mpi, GradientsOfPartsAddUpToTheWholes) {
  at::manual_seed(4);
  const int64_t rows = 8 * group().size();
  const at::Tensor x = at::randn({rows, 16}, at::kDouble), y = at::randn({rows, 4}, at::kDouble);
  const at::Tensor weight = at::randn({16, 4}, at::kDouble);
  const auto gradient = [&](int64_t first, int64_t count, double divisor) {
    const at::Tensor w = weight.detach().clone().requires_grad_(true);
    const at::Tensor loss = (at::mm(x.narrow(0, first, count), w).tanh() - y.narrow(0, first, count)).pow(2).mean();
    (loss / divisor).backward();
    return w.grad();
  };
  const at::Tensor whole = gradient(0, rows, 1), part = gradient(8 * group().rank(), 8, group().size());
  group().sum({part});
  EXPECT_LT((part - whole).abs().max().item<double>(), 1e-15 * rows);
}

TEST(Mpi, OtherNumberIsRefused) {
  try {
    check_rank_count(launched(), {.ranks = launched() + 1});
    FAIL() << "taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "ranks_differ");
  }
}

}  // namespace
}  // namespace frugal
