#include "experiments/text_classification/data.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/io/resources.h"
#include "datasets/glue.h"
#include "datasets/synthetic.h"
#include "datasets/user_files.h"

namespace frugal {
namespace {

using datasets::TextDataset;

TextDataset load_split(const DataRequest& request, const std::string& split, const std::string& kind) {
  const TextDatasetOptions& o = request.dataset;
  if (o.name == "glue") {
    if (o.task.empty())
      throw Error(ErrorKind::kUsage, "missing_value", "dataset.task names no GLUE task", "dataset.task",
                  "e.g. dataset=cola, or dataset.task=cola");
    return datasets::load_glue(request.root, o.task, split);
  }
  if (o.name == "sentiment_small")
    return datasets::load_tsv(io::resource("datasets/sentiment_small") / (split + ".tsv"), {.label_names = {"0", "1"}},
                              split);
  if (split.empty())
    throw Error(ErrorKind::kUsage, "missing_value", cat("dataset.", kind, " names no file"), cat("dataset.", kind),
                cat("dataset.", kind, "=FILE"));
  const datasets::ColumnOptions columns{.sentence = o.sentence,
                                        .pair = o.pair,
                                        .label = o.label,
                                        .regression = o.regression,
                                        .label_names = o.label_names};
  return o.name == "tsv" ? datasets::load_tsv(split, columns, kind) : datasets::load_jsonl(split, columns, kind);
}

EncodedSplit encode(const TextDataset& data, const tokenizers::Tokenizer& tokenizer, int64_t max_length) {
  EncodedSplit out{.name = data.split, .ids = {}, .encodings = {}, .targets = {}};
  for (const auto& example : data.examples) {
    if (!example.labelled())
      throw Error(ErrorKind::kBadData, "unlabelled",
                  cat("example ", example.id, " of split '", data.split, "' has no label"), "dataset",
                  "score a split with labels");
    out.ids.push_back(example.id);
    std::optional<std::string_view> pair;
    if (example.pair) pair = *example.pair;
    out.encodings.push_back(tokenizer.encode(example.sentence, pair, {.max_length = static_cast<size_t>(max_length)}));
    out.targets.push_back(std::holds_alternative<double>(example.label)
                              ? std::get<double>(example.label)
                              : static_cast<double>(std::get<int64_t>(example.label)));
  }
  return out;
}

ClassificationData load_text(const DataRequest& request) {
  const TextDatasetOptions& o = request.dataset;
  const bool own = o.name == "tsv" || o.name == "jsonl";
  TextDataset train = load_split(request, o.train.empty() && !own ? "train" : o.train, "train");
  TextDataset dev = load_split(request, o.dev.empty() && !own ? "dev" : o.dev, "dev");
  if (train.label_names != dev.label_names)
    throw Error(ErrorKind::kBadData, "label_names", "train and dev have different classes", "dataset",
                "set dataset.label_names");
  if (o.limit_train) train = datasets::sample(train, static_cast<size_t>(*o.limit_train), request.seed);
  if (o.limit_dev) dev = datasets::slice(dev, 0, static_cast<size_t>(*o.limit_dev));
  ClassificationData data{.task = train.task, .regression = train.regression, .label_names = train.label_names};
  for (const TextDataset* part : {&train, &dev}) {
    data.sources.insert(data.sources.end(), part->sources.begin(), part->sources.end());
    data.notes.insert(data.notes.end(), part->notes.begin(), part->notes.end());
  }
  const auto tokenizer = tokenizers::load_tokenizer(request.tokenizer);
  data.pad_id = tokenizer->special_tokens().pad.value_or(0);
  if (request.select_on_train_slice) {
    const double most = static_cast<double>(request.train_slice_max) / static_cast<double>(train.examples.size());
    const datasets::Split parts = datasets::split(train, std::min(request.train_slice, most), request.seed);
    data.selection = encode(parts.held_out, *tokenizer, o.max_length);
    train = parts.train;
  }
  data.train = encode(train, *tokenizer, o.max_length);
  data.dev = encode(dev, *tokenizer, o.max_length);
  return data;
}

EncodedSplit synthetic_split(const TextDatasetOptions& o, const std::string& name, int64_t count, uint64_t seed,
                             uint64_t stream) {
  const datasets::TokenDataset made = datasets::make_token_order({.count = static_cast<size_t>(count),
                                                                  .min_length = static_cast<size_t>(o.min_length),
                                                                  .max_length = static_cast<size_t>(o.max_length),
                                                                  .vocabulary = static_cast<size_t>(o.vocabulary),
                                                                  .seed = seed,
                                                                  .stream = stream});
  EncodedSplit out{.name = name, .ids = {}, .encodings = made.encodings, .targets = {}};
  for (size_t i = 0; i < made.labels.size(); ++i) {
    out.ids.push_back(std::to_string(i));
    out.targets.push_back(static_cast<double>(made.labels[i]));
  }
  return out;
}

}  // namespace

ClassificationData load_classification_data(const DataRequest& request) {
  const TextDatasetOptions& o = request.dataset;
  if (o.name != "token_order") return load_text(request);
  ClassificationData data{.task = "token_order", .label_names = {"b_first", "a_first"}};
  data.train = synthetic_split(o, "train", o.train_count, request.seed, 0);
  data.dev = synthetic_split(o, "dev", o.dev_count, request.seed, 1);
  if (request.select_on_train_slice) data.selection = synthetic_split(o, "selection", o.dev_count, request.seed, 2);
  return data;
}

}  // namespace frugal
