// Keys of `experiment=text_classification` and of the data sets it reads. Links no LibTorch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/config/options.h"

namespace frugal {

struct TextClassificationOptions {
  int64_t epochs = 3;
  std::optional<int64_t> max_steps;
  int64_t batch_size = 16, eval_batch_size = 64, gradient_accumulation = 1;
  bool batch_invariant = false;
  double learning_rate = 5e-5;
  std::string schedule = "linear";
  double warmup_ratio = 0.06;
  std::string optimizer = "adamw_hf";
  double beta1 = 0.9, beta2 = 0.98, adam_eps = 1e-6, weight_decay = 0.1, max_grad_norm = 1.0;
  bool group_by_length = true;
  int64_t pad_to_multiple_of = 1;
  bool pad_to_max_length = false;
  std::string precision = "fp32";
  std::string metric;  // empty: the task's first one
  std::string select_on = "dev";
  double train_slice = 0.1;
  int64_t train_slice_max = 1000;
  int64_t evaluations_per_epoch = 1;
  int64_t early_stop_patience = 0;
  bool keep_best = true;
  std::optional<int64_t> checkpoint_steps;
  std::optional<double> checkpoint_minutes = 5;
  int64_t keep_checkpoints = 2;
  bool final_evaluation = true;
  std::string save_to;
  int64_t timing_warmup_steps = 3;
};
const OptionTable<TextClassificationOptions>& text_classification_options();

struct TextDatasetOptions {
  std::string name = "glue";
  std::string task;
  std::string train, dev;  // splits, or files of one's own
  std::string sentence = "sentence", pair, label = "label";
  std::vector<std::string> label_names;
  bool regression = false;
  int64_t max_length = 128;
  std::optional<int64_t> limit_train, limit_dev;
  int64_t train_count = 256, dev_count = 64, vocabulary = 32, min_length = 6;  // of synthetic data
};
const OptionTable<TextDatasetOptions>& text_dataset_options();

struct DeviceOptions {
  std::string type = "cpu";
  int64_t index = 0;
  int64_t threads = 2;
  std::string deterministic = "strict";
  bool tf32 = false;
};
const OptionTable<DeviceOptions>& device_options();

}  // namespace frugal
