#include "experiments/calibration.h"

#include "core/error.h"
#include "core/io/checksum.h"
#include "core/log.h"
#include "datasets/samplers.h"
#include "experiments/data_root.h"
#include "experiments/distillation/pack.h"
#include "experiments/documents/load.h"
#include "experiments/language_subject.h"
#include "methods/calibration_options.h"

namespace frugal {
namespace {

// Bytes of text that surely hold a token.
constexpr size_t kBytesAToken = 8;

datasets::DocumentSet shuffled_documents(const CalibrationOptions& o, const ModelOptions& model, run::RunContext& run) {
  const auto dataset = document_dataset_options().read(o.calibration_dataset, "method.calibration.dataset");
  datasets::DocumentSet set = load_documents(
      {.dataset = dataset, .root = data_root(Json::parse(run.job.config.dump())), .checkpoint = tokenizer_path(model)});
  for (const auto& source : set.sources) run.recorder.input("calibration", source.path);
  if (dataset.name == "wikitext" && dataset.split == "test")
    log::warning("calibration reads the test split of WikiText; method.calibration.dataset.split=train");
  std::vector<datasets::Document> drawn;
  for (const uint32_t i : datasets::permutation(set.documents.size(), run.seeds.seed("calibration"), 0))
    drawn.push_back(std::move(set.documents[i]));
  set.documents = std::move(drawn);
  return set;
}

// The first documents that make up `sequences`, or all there are.
PackedText packed(const std::vector<datasets::Document>& documents, const tokenizers::Tokenizer& tokenizer,
                  size_t seq_len, size_t sequences, int threads) {
  for (size_t budget = seq_len * sequences * kBytesAToken;; budget *= 2) {
    std::vector<datasets::Document> taken;
    size_t bytes = 0;
    while (taken.size() < documents.size() && bytes < budget) {
      bytes += documents[taken.size()].text.size();
      taken.push_back(documents[taken.size()]);
    }
    PackedText text = pack_documents(taken, tokenizer, {.seq_len = seq_len, .threads = threads});
    if (text.sequences() >= sequences || taken.size() == documents.size()) return text;
  }
}

std::vector<int32_t> from_texts(const CalibrationOptions& o, const ModelOptions& model,
                                const LanguageModelConfig& config, size_t sequences, run::RunContext& run) {
  const auto seq_len = static_cast<size_t>(o.calibration_seq_len);
  PackedText text =
      packed(shuffled_documents(o, model, run).documents, *open_tokenizer(model), seq_len, sequences, run.job.threads);
  if (text.sequences() == 0)
    throw Error(ErrorKind::kBadData, "too_few_sequences",
                cat("the calibration texts have ", text.stream, " tokens, not one sequence of ", seq_len),
                "method.calibration.dataset", "more text, or a smaller method.calibration.seq_len");
  text.ids.resize(std::min(text.sequences(), sequences) * seq_len);
  check_tokens(text.ids, config, "method.calibration.dataset");
  return text.ids;
}

std::vector<int32_t> at_random(const LanguageModelConfig& config, size_t count, run::RunContext& run) {
  run::Stream stream = run.seeds.stream("calibration");
  std::vector<int32_t> ids(count);
  for (int32_t& id : ids) id = static_cast<int32_t>(stream.below(static_cast<uint64_t>(config.vocabulary)));
  return ids;
}

}  // namespace

std::function<CalibrationTokens()> calibration_of(const Json& method, const ModelOptions& model,
                                                  const LanguageModelConfig& config, run::RunContext& run) {
  const CalibrationOptions o = calibration_of_method(method);
  if (o.calibration_dataset.is_null()) return {};
  if (o.calibration_seq_len > config.max_positions || o.calibration_tokens < o.calibration_seq_len)
    throw Error(ErrorKind::kUsage, "bad_value",
                cat("sequences of ", o.calibration_seq_len, " tokens: the model has ", config.max_positions,
                    " positions, method.calibration.tokens is ", o.calibration_tokens),
                "method.calibration.seq_len");
  return [o, &model, &config, &run] {
    const auto sequences = static_cast<size_t>(o.calibration_tokens / o.calibration_seq_len);
    CalibrationTokens tokens{.ids = {}, .seq_len = o.calibration_seq_len};
    tokens.ids = o.calibration_dataset == "random"
                     ? at_random(config, sequences * static_cast<size_t>(o.calibration_seq_len), run)
                     : from_texts(o, model, config, sequences, run);
    run.recorder.provenance("calibration.sha256", io::sha256(std::as_bytes(std::span(tokens.ids))));
    log::info("calibration: ", tokens.sequences(), " sequences of ", tokens.seq_len, " tokens");
    return tokens;
  };
}

}  // namespace frugal
