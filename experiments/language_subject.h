// A language model with its method, as every experiment on language models opens one.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/config/options.h"
#include "core/run/worker_loop.h"
#include "datasets/tokenizers/tokenizer.h"
#include "models/language_model.h"
#include "models/options.h"

namespace frugal {

struct LanguageSubject {
  std::shared_ptr<LanguageModel> model;  // on the device, with the method
  ModelOptions options;
  std::filesystem::path path;  // of the checkpoint; empty: random weights
};

struct LanguageSubjectRequest {
  const Json& model;      // node
  Json method = nullptr;  // node; null: the model as it is
  at::Device device;
  at::ScalarType type = at::kFloat;  // of the weights
  run::RunContext& run;
  std::string_view role = "model";  // of the files read, in the run's inputs
};

// Reads the weights, moves them, applies the method. Random weights and what a method adds come from the stream "init",
// so that a second subject of the same model has the same weights. Errors of load_language_model and of
// Method::apply (kUsage "method_does_not_fit").
LanguageSubject open_language_subject(const LanguageSubjectRequest& request);

// The metrics kv_bytes_per_token, what the model's cache stores of a token in the type of its weights, and kv_share,
// that over the keys and values of all its layers and key heads in the same type.
void record_cache(const LanguageModel& model, run::RunContext& run);

// model.tokenizer, else the one beside the weights. Error(kUsage, "no_tokenizer") for a model without either.
std::unique_ptr<tokenizers::Tokenizer> open_tokenizer(const ModelOptions& model);
std::filesystem::path tokenizer_path(const ModelOptions& model);

// Error(kBadData, "token_out_of_vocabulary") for an id that the model has no embedding of; `where` names the text.
void check_tokens(std::span<const int64_t> ids, const LanguageModelConfig& model, const std::string& where);
void check_tokens(std::span<const int32_t> ids, const LanguageModelConfig& model, const std::string& where);
// Error(kUsage, "vocabulary_differs") where a teacher's distribution is over other tokens.
void check_same_vocabulary(const LanguageModel& model, const LanguageModel& teacher);

}  // namespace frugal
