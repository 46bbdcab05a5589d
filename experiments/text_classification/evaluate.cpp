#include "experiments/text_classification/evaluate.h"

#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mse_loss.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "datasets/glue.h"
#include "datasets/samplers.h"
#include "experiments/recording.h"

namespace frugal {
namespace {

at::Tensor to_tensor(const std::vector<int64_t>& values, int64_t rows, int64_t columns, const at::Device& device) {
  at::Tensor out = at::empty({rows, columns}, at::kLong);
  std::copy(values.begin(), values.end(), out.mutable_data_ptr<int64_t>());
  return out.to(device);
}

bool is_glue(const std::string& task) {
  const auto tasks = datasets::glue_tasks();
  return std::any_of(tasks.begin(), tasks.end(), [&](const auto& t) { return t.name == task; });
}

}  // namespace

Batch make_batch(const EncodedSplit& split, const std::vector<uint32_t>& indices, const ClassificationData& data,
                 const tokenizers::PadOptions& padding, const at::Device& device) {
  const tokenizers::PaddedBatch padded = datasets::gather_batch(split.encodings, indices, padding);
  const auto rows = static_cast<int64_t>(padded.rows), columns = static_cast<int64_t>(padded.columns);
  Batch batch;
  batch.inputs.input_ids = to_tensor(padded.input_ids, rows, columns, device);
  batch.inputs.token_type_ids = to_tensor(padded.token_type_ids, rows, columns, device);
  batch.inputs.attention_mask = to_tensor(padded.attention_mask, rows, columns, device);
  at::Tensor targets = at::empty({rows}, at::kDouble);
  for (int64_t i = 0; i < rows; ++i)
    targets.mutable_data_ptr<double>()[i] = split.targets[indices[static_cast<size_t>(i)]];
  batch.targets = targets.to(device, data.regression ? at::kFloat : at::kLong);
  return batch;
}

at::Tensor classification_loss(const at::Tensor& logits, const at::Tensor& targets, bool regression) {
  const at::Tensor wide = logits.scalar_type() == at::kDouble ? logits : logits.to(at::kFloat);
  if (regression) return at::mse_loss(wide.squeeze(-1), targets.to(wide.scalar_type()));
  return at::cross_entropy_loss(wide, targets);
}

std::string BatchPolicy::text() const {
  if (invariant) return "one by one, unpadded";
  return cat("batches of ", batch_size, " by falling length, padded to the longest");
}

BatchPolicy batch_policy(const TextClassificationOptions& options) {
  return {.batch_size = options.eval_batch_size, .invariant = options.batch_invariant};
}

Predictions predict(TextEncoder& model, const EncodedSplit& split, const ClassificationData& data,
                    const BatchPolicy& policy, Precision precision, const Pass& pass, const at::Device& device) {
  const auto batch_size = static_cast<size_t>(policy.invariant ? 1 : policy.batch_size);
  const at::NoGradGuard no_grad;
  const PrecisionScope scope(precision, device);
  std::vector<uint32_t> order(split.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return split.encodings[a].ids.size() > split.encodings[b].ids.size();
  });
  Predictions out{.value = std::vector<double>(split.size()), .scores = std::vector<std::vector<double>>(split.size())};
  for (size_t begin = 0; begin < order.size(); begin += batch_size) {
    const size_t end = std::min(order.size(), begin + batch_size);
    const std::vector<uint32_t> indices(order.begin() + static_cast<std::ptrdiff_t>(begin),
                                        order.begin() + static_cast<std::ptrdiff_t>(end));
    const Batch batch = make_batch(split, indices, data, {.pad_id = data.pad_id}, device);
    const at::Tensor logits = model.forward(batch.inputs, pass).logits;
    out.loss += classification_loss(logits, batch.targets, data.regression).item<double>() *
                static_cast<double>(indices.size());
    const at::Tensor rows = logits.to(at::kCPU, at::kDouble).contiguous();
    const int64_t width = rows.size(1);
    for (size_t i = 0; i < indices.size(); ++i) {
      const double* row = rows.const_data_ptr<double>() + static_cast<int64_t>(i) * width;
      out.scores[indices[i]].assign(row, row + width);
      out.value[indices[i]] = data.regression ? row[0] : static_cast<double>(std::max_element(row, row + width) - row);
    }
  }
  out.loss /= static_cast<double>(std::max<size_t>(1, split.size()));
  return out;
}

double seconds_per_example(TextEncoder& model, const EncodedSplit& split, const ClassificationData& data,
                           const BatchPolicy& policy, Precision precision, const at::Device& device) {
  const auto count = std::min<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(split.size()), 4 * policy.batch_size);
  if (count == 0) return 0;
  const EncodedSplit few{.name = split.name,
                         .ids = {split.ids.begin(), split.ids.begin() + count},
                         .encodings = {split.encodings.begin(), split.encodings.begin() + count},
                         .targets = {split.targets.begin(), split.targets.begin() + count}};
  const auto begin = std::chrono::steady_clock::now();
  predict(model, few, data, policy, precision, Pass::evaluation(), device);
  return seconds_since(begin) / static_cast<double>(count);
}

std::vector<metrics::MetricValue> score(const ClassificationData& data, const std::vector<double>& targets,
                                        const std::vector<double>& predictions) {
  if (data.regression) {
    if (is_glue(data.task)) return metrics::glue_score(data.task, targets, predictions);
    return {{"pearson", metrics::pearson(targets, predictions)}, {"spearman", metrics::spearman(targets, predictions)}};
  }
  const std::vector<int64_t> target(targets.begin(), targets.end()), predicted(predictions.begin(), predictions.end());
  if (is_glue(data.task)) return metrics::glue_score(data.task, metrics::Labels(target), metrics::Labels(predicted));
  return {{"accuracy", metrics::accuracy(target, predicted)}, {"f1_macro", metrics::f1_macro(target, predicted)}};
}

}  // namespace frugal
