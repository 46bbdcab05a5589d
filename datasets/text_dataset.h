// Labelled sentences and pairs of sentences, whatever file they came from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace frugal::datasets {

// Nothing (a test split without labels), a class index into label_names, or a score.
using Label = std::variant<std::monostate, std::int64_t, double>;

struct Example {
  std::string id;  // unique in its split: the file's own index where it has one, else the row number from 0
  std::string sentence;
  std::optional<std::string> pair;
  Label label;

  bool labelled() const { return !std::holds_alternative<std::monostate>(label); }
};

struct SourceFile {
  std::string role;  // e.g. "dataset/train"
  std::filesystem::path path;
};

struct TextDataset {
  std::string task;   // "sst2", "mrpc", ..., or the name that the user gave
  std::string split;  // "train", "dev", "dev_matched", "test", ...
  std::vector<Example> examples;
  std::vector<std::string> label_names;  // index = class id; empty for regression
  bool regression = false;
  std::vector<SourceFile> sources;  // to be hashed into the run's provenance
  // What a reader of the result must know: rows skipped by the official rule, a held-out set that is not GLUE's dev.
  std::vector<std::string> notes;

  // False as soon as one example has no label.
  bool labelled() const;
};

// [begin, begin + count) of the examples in file order, clipped to what there is.
TextDataset slice(const TextDataset& dataset, std::size_t begin, std::size_t count);

// `count` examples drawn without replacement, kept in file order; all of them if there are fewer. Says so in notes.
TextDataset sample(const TextDataset& dataset, std::size_t count, std::uint64_t seed);

struct Split {
  TextDataset train, held_out;
};
// Sets round(held_out_share * n) examples apart, chosen by seed; both parts keep file order. Says so in notes.
// Error(kUsage, "split_share") unless 0 < held_out_share < 1.
Split split(const TextDataset& dataset, double held_out_share, std::uint64_t seed);

}  // namespace frugal::datasets
