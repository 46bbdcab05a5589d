// Log-likelihoods of whole documents, window by window; with a second model, the divergence from it.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "experiments/likelihood/windows.h"
#include "models/language_model.h"

namespace frugal {

// Sums over the tokens of a document.
struct DocumentScore {
  int64_t tokens = 0;
  double log_likelihood = 0;  // natural logarithm
  // With a teacher: its log-likelihood, KL(teacher || model), and tokens where both find the same one most probable.
  double teacher_log_likelihood = 0, kl = 0;
  int64_t agreed = 0;
};

struct RollingRequest {
  LanguageModel& model;
  LanguageModel* teacher = nullptr;
  std::size_t batch_tokens = 8192;
  at::Device device;
};

// Of documents 0..documents-1. after_batch may throw to stop. Models are on the device. Error(kUsage,
// "vocabulary_differs").
std::vector<DocumentScore> score_windows(const RollingRequest& request, const std::vector<Window>& windows,
                                         std::size_t documents, const std::function<void()>& after_batch = {});

}  // namespace frugal
