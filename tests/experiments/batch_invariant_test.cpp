// experiment.batch_invariant=true: the same bits for every example whatever the batch size (harness contract 5).
#include <cmath>

#include "tests/experiments/run_here.h"

namespace frugal {
namespace {

results::RunData evaluate(int batch_size, bool invariant) {
  const nlohmann::json config = {{"seed", 3},
                                 {"device", test::one_thread()},
                                 {"dataset",
                                  {{"name", "token_order"},
                                   {"task", "token_order"},
                                   {"min_length", 4},
                                   {"max_length", 29},
                                   {"train_count", 8},
                                   {"dev_count", 45}}},
                                 {"model", test::tiny_model()},
                                 {"method", {{"name", "peft"}, {"kind", "full"}}},
                                 {"experiment",
                                  {{"name", "text_classification"},
                                   {"max_steps", 0},
                                   {"eval_batch_size", batch_size},
                                   {"batch_invariant", invariant}}}};
  test::HereResult here = test::run_here(config);
  EXPECT_EQ(here.result.state, results::RunState::kDone) << here.result.message;
  EXPECT_EQ(here.data.samples.size(), 45U);
  return std::move(here.data);
}

TEST(BatchInvariant, OutputsAreTheSameBitsAtAnyBatchSize) {
  const results::RunData one = evaluate(1, true);
  for (const int batch_size : {2, 8}) {
    const results::RunData many = evaluate(batch_size, true);
    ASSERT_EQ(many.samples.size(), one.samples.size());
    for (std::size_t i = 0; i < one.samples.size(); ++i) {
      EXPECT_EQ(many.samples[i].cells, one.samples[i].cells) << "batch " << batch_size << ", example " << i;
      EXPECT_EQ(many.samples[i].lists, one.samples[i].lists) << "batch " << batch_size << ", example " << i;
    }
    for (const auto& metric : one.metrics) EXPECT_EQ(many.find_metric(metric.name)->value, metric.value) << metric.name;
    EXPECT_EQ(many.provenance.at("evaluation.batch_policy"), "one by one, unpadded");
  }
}

// The stated tolerance without it: equal decisions, logits within 1e-5 of their size.
TEST(BatchInvariant, WithoutItDecisionsAreEqualAndLogitsClose) {
  const results::RunData one = evaluate(1, true), many = evaluate(8, false);
  for (std::size_t i = 0; i < one.samples.size(); ++i) {
    EXPECT_EQ(many.samples[i].cells, one.samples[i].cells) << i;
    for (std::size_t c = 0; c < one.samples[i].lists[0].size(); ++c)
      EXPECT_NEAR(many.samples[i].lists[0][c], one.samples[i].lists[0][c], 1e-5) << i;
  }
  EXPECT_EQ(many.provenance.at("evaluation.batch_policy"), "batches of 8 by falling length, padded to the longest");
}

}  // namespace
}  // namespace frugal
