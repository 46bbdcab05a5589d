#include "core/error.h"
#include "core/log.h"
#include "datasets/tokenizers/gguf_tokenizer.h"
#include "datasets/tokenizers/pipeline_tokenizer.h"
#include "datasets/tokenizers/sentencepiece_tokenizer.h"
#include "datasets/tokenizers/special_tokens.h"
#include "datasets/tokenizers/tokenizer_json.h"
#include "datasets/tokenizers/vocab_merges.h"
#include "datasets/tokenizers/vocab_txt.h"

namespace frugal::tokenizers {

namespace {

namespace fs = std::filesystem;

fs::path find_file(const fs::path& path) {
  if (!fs::is_directory(path)) return path;
  for (const char* name : {"tokenizer.json", "vocab.txt", "tokenizer.model", "vocab.json"})
    if (fs::exists(path / name)) return path / name;
  throw Error(ErrorKind::kUsage, "tokenizer_not_found",
              "this folder holds no tokenizer.json, vocab.txt, tokenizer.model or vocab.json", path.string());
}

// transformers 5 builds BERT tokenizers from tokenizer_config.json's switch, whatever tokenizer.json says; Python's
// tokenizers and we go by tokenizer.json. Where the two files disagree, so do these programs.
void warn_about_case(const TextModel& model, const TokenizerConfig& config, const fs::path& file) {
  const bool lowers = model.normalize("A") == "a";
  if (config.do_lower_case && *config.do_lower_case != lowers)
    log::warning(file.string(), lowers ? " lower-cases" : " keeps upper case",
                 ", tokenizer_config.json says do_lower_case=", *config.do_lower_case ? "true" : "false",
                 "; tokenizer.json counts");
}

TokenizerParts read_parts(const fs::path& file, TokenizerConfig& config) {
  if (file.filename() == "vocab.json") return read_vocab_merges(file, config);
  if (file.extension() == ".json") return read_tokenizer_json(file);
  if (file.extension() == ".model") return read_sentencepiece(file, config);
  return read_vocab_txt(file, config);
}

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const fs::path& path) {
  if (!fs::exists(path))
    throw Error(ErrorKind::kUsage, "tokenizer_not_found", "there is no such file or folder", path.string());
  const auto file = find_file(path);
  if (file.extension() == ".gguf") {
    auto [parts, config] = read_gguf_tokenizer(file);
    return std::make_unique<PipelineTokenizer>(std::move(parts), config, file.string());
  }
  auto config = read_tokenizer_config(file.parent_path());
  auto parts = read_parts(file, config);
  if (file.extension() == ".json" && parts.model->algorithm() == "WordPiece")
    warn_about_case(*parts.model, config, file);
  return std::make_unique<PipelineTokenizer>(std::move(parts), config, file.string());
}

}  // namespace frugal::tokenizers
