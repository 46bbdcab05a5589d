// From `dataset=text|wikitext` to documents. Links no LibTorch.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "datasets/documents.h"
#include "experiments/documents/options.h"

namespace frugal {

struct DocumentRequest {
  const DocumentDatasetOptions& dataset;
  std::filesystem::path root;        // data.root
  std::filesystem::path checkpoint;  // whose chat template renders conversations; empty: none
};

// The documents of `files`, or of WikiText's split, up to `limit`. Error(kUsage, "missing_value") for dataset=text
// without files, Error(kBadData, "no_documents") where nothing is left, and the errors of datasets/documents.h.
datasets::DocumentSet load_documents(const DocumentRequest& request);
// The documents of `eval_files`.
datasets::DocumentSet load_eval_documents(const DocumentRequest& request);

struct DocumentSplit {
  datasets::DocumentSet train, held_out;
};
// Sets round(share * n) documents apart, at least one, drawn by `seed`; both parts keep their order.
// Error(kBadData, "no_documents") where one part would be empty.
DocumentSplit hold_out(datasets::DocumentSet documents, double share, uint64_t seed);

}  // namespace frugal
