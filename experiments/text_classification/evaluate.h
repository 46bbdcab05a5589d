// Predictions of a classifier over a split, and their scores.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/text_classification/data.h"
#include "experiments/training/precision.h"
#include "metrics/glue.h"
#include "models/text_encoder.h"

namespace frugal {

struct Predictions {
  std::vector<double> value;                // class index, or score
  std::vector<std::vector<double>> scores;  // logits, one row an example
  double loss = 0;                          // mean over examples
};

// One batch on the model's device, padded to its longest sequence.
struct Batch {
  TextInputs inputs;
  at::Tensor targets;  // [B] int64 class, or float score
};
Batch make_batch(const EncodedSplit& split, const std::vector<uint32_t>& indices, const ClassificationData& data,
                 const tokenizers::PadOptions& padding, const at::Device& device);
// Mean cross entropy, or mean squared error for regression; in fp32 (fp64 models: fp64).
at::Tensor classification_loss(const at::Tensor& logits, const at::Tensor& targets, bool regression);

// How evaluation puts examples together. Sums in matrix products depend on the shape of the batch, so an example's
// logits differ in their last bits from one batch size to the next, and padding adds to that.
struct BatchPolicy {
  int64_t batch_size = 64;
  // Each example by itself, unpadded: its logits are the same bits whatever batch_size is.
  bool invariant = false;

  std::string text() const;  // "one by one, unpadded", or the batch size and the padding
};

BatchPolicy batch_policy(const TextClassificationOptions& options);

// Batches of similar length; results in the order of the split. Each batch holds batch_size examples (the last fewer).
Predictions predict(TextEncoder& model, const EncodedSplit& split, const ClassificationData& data,
                    const BatchPolicy& policy, Precision precision, const Pass& pass, const at::Device& device);

// Seconds that an example takes in predict(), measured on at most four batches: for dry runs.
double seconds_per_example(TextEncoder& model, const EncodedSplit& split, const ClassificationData& data,
                           const BatchPolicy& policy, Precision precision, const at::Device& device);

// GLUE tasks: their metrics; other classes: accuracy and macro F1; other scores: Pearson and Spearman.
std::vector<metrics::MetricValue> score(const ClassificationData& data, const std::vector<double>& targets,
                                        const std::vector<double>& predictions);

}  // namespace frugal
