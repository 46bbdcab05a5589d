// Texts as they stand, one document each: what language models are trained and scored on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/text_dataset.h"
#include "datasets/tokenizers/chat_template.h"

namespace frugal::datasets {

struct Document {
  std::string id;         // unique in its set
  std::string text;       // what is tokenized
  std::size_t words = 0;  // count_words of the original text, before any preprocessing
  std::size_t bytes = 0;  // of the original text
};

struct DocumentSet {
  std::vector<Document> documents;
  std::vector<SourceFile> sources;
  std::vector<std::string> notes;  // what a reader of the result must know
};

// lm-evaluation-harness's count of words: len(re.split(r"\s+", text)), which is one more than there are runs of white
// space; white space at the ends counts.
std::size_t count_words(std::string_view text);

// What a document of a .txt file is. Documents without a character other than white space are left out.
enum class TextUnit { kFile, kLine, kParagraph };  // a paragraph ends at an empty line

struct TextFileOptions {
  TextUnit unit = TextUnit::kFile;
  // Of a .jsonl file, one object a line: its text, or else a conversation [{role, content}, ...].
  std::string text_column = "text", messages_column = "messages";
  // For conversations; without one a conversation is Error(kUsage, "no_chat_template").
  std::optional<tokenizers::ChatTemplate> chat_template = {};
  // A conversation that starts with no system message gets an empty one (alignment-handbook's rule, X-EcoMLA's recipe).
  bool empty_system = false;
};

// .jsonl files by their lines, all others as UTF-8 text. ids are "<file name>:<line or number>".
// Errors: kUsage `file_not_found`, `column_unknown`; kBadData `dataset_row` with where = "file:line", `not_utf8` with
// the byte.
DocumentSet load_text_files(const std::vector<std::filesystem::path>& files, const TextFileOptions& options,
                            std::string_view role);

// WikiText (Merity et al., 2017) by pages, as EleutherAI's document-level data set cuts it, each page detokenized as
// the harness's task `wikitext` has it. variant: wikitext-2 or wikitext-103. split: train, validation, test.
// Folders <root>/<variant>, <variant>-raw, <variant>-raw-v1, <variant>-v1; files wiki.<split>.raw, wiki.<split>.tokens,
// <split>.txt ("valid" for validation). A note says when the file has <unk> in it: published figures are of the raw
// one. Errors: kUsage `dataset_not_found`, `split_unknown`; kBadData `not_utf8`.
DocumentSet load_wikitext(const std::filesystem::path& root, const std::string& variant, const std::string& split);

// The pages of a WikiText file: a level-one heading starts one.
std::vector<std::string_view> wikitext_pages(std::string_view file);
std::string wikitext_detokenize(std::string_view page);

}  // namespace frugal::datasets
