#include "experiments/language_modelling/report.h"

#include <numbers>

#include "experiments/likelihood/rates.h"

namespace frugal {
namespace {

using results::ColumnType;

void record_samples(run::RunContext& run, const datasets::DocumentSet& set, const std::vector<DocumentScore>& scores,
                    bool with_teacher) {
  std::vector<results::Column> columns = {
      {.name = "id", .type = ColumnType::kString, .description = "of the document"},
      {.name = "loglik", .unit = "nat", .description = "of all of its tokens"},
      {.name = "words", .type = ColumnType::kInt64, .description = "by white space, before preprocessing"},
      {.name = "bytes", .type = ColumnType::kInt64, .description = "before preprocessing"},
      {.name = "tokens", .type = ColumnType::kInt64, .description = "predicted"}};
  if (with_teacher) {
    columns.push_back({.name = "teacher_loglik", .unit = "nat", .description = "the teacher's"});
    columns.push_back({.name = "kl", .unit = "nat", .description = "KL(teacher || model), summed over its tokens"});
    columns.push_back(
        {.name = "agreed", .type = ColumnType::kInt64, .description = "tokens where both expect the same one most"});
  }
  run.recorder.declare_samples(columns);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const datasets::Document& document = set.documents[i];
    std::vector<results::Value> row = {document.id, scores[i].log_likelihood, document.words, document.bytes,
                                       scores[i].tokens};
    if (with_teacher) row.insert(row.end(), {scores[i].teacher_log_likelihood, scores[i].kl, scores[i].agreed});
    run.recorder.sample(row);
  }
}

}  // namespace

void record_documents(run::RunContext& run, const datasets::DocumentSet& set, const std::vector<DocumentScore>& scores,
                      bool with_teacher) {
  record_samples(run, set, scores, with_teacher);
  std::vector<double> loglik, words, bytes;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    loglik.push_back(scores[i].log_likelihood);
    words.push_back(static_cast<double>(set.documents[i].words));
    bytes.push_back(static_cast<double>(set.documents[i].bytes));
  }
  record_rate(run, perplexity_rate("word_perplexity"), loglik, words);
  record_rate(run, perplexity_rate("byte_perplexity"), loglik, bytes);
  record_rate(run,
              {.name = "bits_per_byte",
               .unit = "bit",
               .of = [](double r) { return -r / std::numbers::ln2; },
               .slope = [](double) { return 1 / std::numbers::ln2; }},
              loglik, bytes);
  record_token_rates(run, scores, with_teacher);
}

}  // namespace frugal
