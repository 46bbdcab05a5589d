#include "models/text/load.h"

#include <algorithm>

#include "core/error.h"
#include "models/architecture.h"
#include "models/nn/weights.h"
#include "models/registry.h"
#include "models/text/bert.h"

namespace frugal {
namespace {

constexpr const char* kSequenceClassifier = "BertForSequenceClassification";

// Classes of the checkpoint's own head; 0 without one.
int64_t own_labels(const Weights& weights, const Json& config, const std::filesystem::path& folder) {
  const auto shape = weights.shape_of("classifier.weight");
  if (!shape) return 0;
  const auto named = config.find("architectures");
  const bool other = named != config.end() && named->is_array() && !named->empty() &&
                     std::find(named->begin(), named->end(), kSequenceClassifier) == named->end();
  // A head of tokens or of spans has the same tensor names and stands on another place of the encoder.
  const bool pooled = weights.contains("bert.pooler.dense.weight") || weights.contains("pooler.dense.weight");
  if (other || !pooled)
    throw Error(ErrorKind::kBadData, "unsupported_head",
                cat("the checkpoint carries a head for another task than classification of sequences",
                    other ? cat(": architectures is ", named->dump()) : " (a classifier without a pooler)"),
                folder.string(), cat("we know the head of ", kSequenceClassifier));
  if (shape->size() != 2)
    throw Error(ErrorKind::kBadData, "wrong_shape",
                cat("tensor 'classifier.weight' has ", shape->size(), " dimensions, expected 2"), folder.string());
  return shape->front();
}

}  // namespace

bool is_text_encoder(std::string_view architecture) {
  return is_of(ModelFamily::kTextEncoder, architecture);
}

LoadedTextEncoder load_text_encoder(const std::string& architecture, const std::filesystem::path& folder,
                                    const Json& config, std::optional<int64_t> labels, uint64_t init_seed) {
  LoadedTextEncoder loaded;
  Json json = Json::object();
  std::string where = "model.config";
  if (!folder.empty()) {
    json = read_model_config(folder);
    where = model_config_file(folder).string();
    loaded.files.emplace_back(where);
  }
  if (const std::string found = architecture_of(architecture, folder); !is_text_encoder(found))
    throw Error(ErrorKind::kBadData, "unknown_architecture",
                cat("architecture '", found, "' is not a text encoder of ours"), where,
                cat("there are: ", architectures_of(ModelFamily::kTextEncoder)));
  json.update(config);
  const BertConfig bert = parse_bert_config(json, where);
  Weights weights = folder.empty() ? Weights::random(init_seed, bert.initializer_range)
                                   : Weights::from_checkpoint(folder, init_seed, bert.initializer_range);
  loaded.model = std::make_shared<Bert>(bert, labels ? *labels : own_labels(weights, json, folder), weights);
  for (auto& file : weights.files()) loaded.files.push_back(std::move(file));
  return loaded;
}

}  // namespace frugal
