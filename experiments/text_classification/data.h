// Labelled text as a classifier takes it: token ids and targets. Links no LibTorch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "datasets/text_dataset.h"
#include "datasets/tokenizers/tokenizer.h"
#include "experiments/text_classification/options.h"

namespace frugal {

struct EncodedSplit {
  std::string name;
  std::vector<std::string> ids;
  std::vector<tokenizers::Encoding> encodings;
  std::vector<double> targets;  // class index, or score
  size_t size() const { return encodings.size(); }
};

struct ClassificationData {
  std::string task;  // GLUE name, or the data set's own
  bool regression = false;
  std::vector<std::string> label_names;
  EncodedSplit train, selection, dev;  // selection is empty where dev selects
  tokenizers::TokenId pad_id = 0;
  std::vector<datasets::SourceFile> sources;
  std::vector<std::string> notes;
  int64_t labels() const { return regression ? 1 : static_cast<int64_t>(label_names.size()); }
};

struct DataRequest {
  TextDatasetOptions dataset;
  std::filesystem::path root;       // data.root
  std::filesystem::path tokenizer;  // file or folder; unused by synthetic data
  bool select_on_train_slice = false;
  double train_slice = 0.1;
  int64_t train_slice_max = 1000;
  uint64_t seed = 0;  // of the slice and of limits: stream "split", the same for all methods
};

// Errors as the readers and the tokenizer give them; Error(kBadData, "unlabelled") for a split without labels.
ClassificationData load_classification_data(const DataRequest& request);

}  // namespace frugal
