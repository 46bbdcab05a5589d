// What a run of experiment=language_modelling records.
#pragma once

#include <vector>

#include "core/run/worker_loop.h"
#include "datasets/documents.h"
#include "experiments/likelihood/rolling.h"

namespace frugal {

// One row a document, and the perplexities with intervals over documents.
void record_documents(run::RunContext& run, const datasets::DocumentSet& set, const std::vector<DocumentScore>& scores,
                      bool with_teacher);

}  // namespace frugal
