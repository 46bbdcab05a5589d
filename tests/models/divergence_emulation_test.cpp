// The CUDA kernel of row_divergence, its own source, run thread by thread on the CPU.
#include "tests/support/emulated_cuda.h"
// The kernel's header follows what it is made of.
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "models/nn/kernels/divergence_rows_kernel.cuh"
#include "models/nn/kernels/row_divergence.h"

namespace frugal {
namespace cuda {
namespace {

alignas(128) unsigned char memory[kRowThreads / 32 * sizeof(float2)];

template <int kWidth>
void launch(const DivergenceRows& call) {
  emulated::device().launch({static_cast<unsigned>(call.rows), 1, 1}, kRowThreads, memory, sizeof(memory),
                            [&] { divergence_rows_kernel<float, kWidth>(call); });
}

struct Found {
  at::Tensor kl, cross_entropy, slope;
};

Found emulated_rows(const at::Tensor& student, const at::Tensor& teacher, const RowDivergenceOptions& o) {
  const int64_t rows = student.size(0);
  Found found{.kl = at::zeros({rows}), .cross_entropy = at::zeros({rows}), .slope = student.clone()};
  DivergenceRows call{.type = ElementType::kFloat,
                      .student = found.slope.mutable_data_ptr<float>(),
                      .teacher = teacher.const_data_ptr<float>(),
                      .kl = found.kl.mutable_data_ptr<float>(),
                      .cross_entropy = found.cross_entropy.mutable_data_ptr<float>(),
                      .rows = rows,
                      .vocabulary = student.size(1),
                      .kl_scale = static_cast<float>(o.kl_scale),
                      .with_slope = o.with_slope};
  if (o.targets.defined()) {
    call.targets = o.targets.const_data_ptr<int64_t>();
    call.shares = o.shares.const_data_ptr<float>();
  }
  student.size(1) % 4 == 0 ? launch<4>(call) : launch<1>(call);
  return found;
}

// Against fp64.
void expect_near(const at::Tensor& found, const at::Tensor& wanted) {
  EXPECT_LT((found - wanted).abs().max().item<double>(), 3e-6 * std::max(1.0, wanted.abs().max().item<double>()))
      << found << wanted;
}

// Vocabularies shorter than a block, of whole packs, and of neither.
TEST(DivergenceKernel, IsItsTwin) {
  at::manual_seed(2);
  for (const int64_t vocabulary : {7, 64, 2500, 5003})
    for (const bool with_targets : {false, true}) {
      const at::Tensor student = at::randn({3, vocabulary}) * 4, teacher = at::randn({3, vocabulary}) * 4;
      RowDivergenceOptions o{.kl_scale = 0.7, .with_slope = true};
      if (with_targets) {
        o.targets = at::tensor({vocabulary - 1, int64_t{-100}, int64_t{3}});
        o.shares = at::tensor({0.5F, 0.5F, 0.25F});
      }
      RowDivergenceOptions wide = o;
      if (with_targets) wide.shares = o.shares.to(at::kDouble);
      at::Tensor slope = student.to(at::kDouble);
      const RowDivergence wanted = row_divergence(slope, teacher.to(at::kDouble), wide);
      const Found found = emulated_rows(student, teacher, o);
      expect_near(found.kl, wanted.kl);
      expect_near(found.slope, slope);
      if (with_targets) expect_near(found.cross_entropy, wanted.cross_entropy);
    }
}

TEST(DivergenceKernel, OfEqualRowsIsZeroExactly) {
  const at::Tensor logits = at::randn({2, 1000}) * 10;
  const Found found = emulated_rows(logits, logits, {.with_slope = true});
  EXPECT_EQ(found.kl.abs().max().item<float>(), 0);
  EXPECT_EQ(found.slope.abs().max().item<float>(), 0);
}

TEST(DivergenceKernel, WithoutSlopeLogitsStay) {
  const at::Tensor student = at::randn({2, 100}), teacher = at::randn({2, 100});
  EXPECT_TRUE(at::equal(emulated_rows(student, teacher, {}).slope, student));
}

TEST(DivergenceKernel, NoNumberIsNotHidden) {
  at::Tensor student = at::randn({2, 600});
  student[1][599].fill_(std::numeric_limits<float>::quiet_NaN());
  const at::Tensor kl = emulated_rows(student, at::randn({2, 600}), {}).kl;
  EXPECT_TRUE(std::isfinite(kl[0].item<float>()));
  EXPECT_TRUE(std::isnan(kl[1].item<float>()));
}

}  // namespace
}  // namespace cuda
}  // namespace frugal
