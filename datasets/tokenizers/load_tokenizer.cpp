#include "core/error.h"
#include "datasets/tokenizers/pipeline_tokenizer.h"
#include "datasets/tokenizers/special_tokens.h"
#include "datasets/tokenizers/tokenizer_json.h"
#include "datasets/tokenizers/vocab_txt.h"

namespace frugal::tokenizers {

namespace {

namespace fs = std::filesystem;

fs::path find_file(const fs::path& path) {
  if (!fs::is_directory(path)) return path;
  for (const char* name : {"tokenizer.json", "vocab.txt"})
    if (fs::exists(path / name)) return path / name;
  throw Error(ErrorKind::kUsage, "tokenizer_not_found", "this folder holds neither tokenizer.json nor vocab.txt",
              path.string());
}

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const fs::path& path) {
  if (!fs::exists(path))
    throw Error(ErrorKind::kUsage, "tokenizer_not_found", "there is no such file or folder", path.string());
  const auto file = find_file(path);
  const auto config = read_tokenizer_config(file.parent_path());
  auto parts = file.extension() == ".json" ? read_tokenizer_json(file) : read_vocab_txt(file, config);
  return std::make_unique<PipelineTokenizer>(std::move(parts), config, file.string());
}

}  // namespace frugal::tokenizers
