#include "datasets/documents.h"

#include "core/error.h"
#include "core/io/mapped_file.h"
#include "core/io/utf8.h"
#include "core/text.h"
#include "datasets/labels.h"
#include "datasets/messages.h"
#include "datasets/python_text.h"
#include "datasets/table_file.h"
#include "datasets/text_file.h"

namespace frugal::datasets {
namespace {

namespace fs = std::filesystem;

bool is_blank(std::string_view text) {
  return strip(text).empty();
}

void add(DocumentSet& set, std::string id, std::string text) {
  if (is_blank(text)) return;
  Document document{.id = std::move(id), .words = count_words(text), .bytes = text.size()};
  document.text = std::move(text);
  set.documents.push_back(std::move(document));
}

// Pieces of `text` between `separator`s.
template <typename Visit>
void for_pieces(std::string_view text, std::string_view separator, const Visit& visit) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    visit(text.substr(begin, end - begin));
    begin = end + separator.size();
  }
}

void add_plain_file(const fs::path& path, TextUnit unit, DocumentSet& set) {
  const std::string name = path.filename().string(), text = read_utf8(path);
  if (unit == TextUnit::kFile) return add(set, name, text);
  std::size_t number = 0;
  for_pieces(text, unit == TextUnit::kLine ? "\n" : "\n\n",
             [&](std::string_view piece) { add(set, cat(name, ":", ++number), std::string(piece)); });
}

void add_jsonl_file(const fs::path& path, const TextFileOptions& options, DocumentSet& set) {
  LineFile lines(path);
  std::string_view line;
  while (lines.next(line)) {
    const nlohmann::json row = parse_object(lines, line);
    const std::string id = cat(path.filename().string(), ":", lines.number());
    if (const auto text = row.find(options.text_column); text != row.end()) {
      if (!text->is_string()) lines.fail(cat("'", options.text_column, "' is no text"));
      add(set, id, text->get<std::string>());
    } else if (const auto messages = row.find(options.messages_column); messages != row.end()) {
      add(set, id,
          required_template(lines, options)
              .render(read_messages(lines, *messages, options), /*add_generation_prompt=*/false));
    } else {
      column_unknown(lines, row, cat("'", options.text_column, "' nor '", options.messages_column, "'"),
                     "dataset.columns.text=NAME");
    }
  }
}

}  // namespace

std::vector<tokenizers::ChatMessage> read_messages(const LineFile& lines, const nlohmann::json& value,
                                                   const TextFileOptions& options) {
  std::vector<tokenizers::ChatMessage> messages;
  if (!value.is_array() || value.empty()) lines.fail("a conversation must be a list of messages, not empty");
  for (const auto& message : value) {
    const auto text = [&](const char* key) {
      const auto at = message.is_object() ? message.find(key) : message.end();
      if (!message.is_object() || at == message.end() || !at->is_string())
        lines.fail(cat("a message needs the text '", key, "'"));
      return at->get<std::string>();
    };
    messages.push_back({.role = text("role"), .content = text("content")});
  }
  if (options.empty_system && messages.front().role != "system") messages.insert(messages.begin(), {"system", ""});
  return messages;
}

const tokenizers::ChatTemplate& required_template(const LineFile& lines, const TextFileOptions& options) {
  if (!options.chat_template)
    throw Error(ErrorKind::kUsage, "no_chat_template",
                "the file holds conversations, and the checkpoint names no chat template", lines.path().string(),
                "dataset.chat_template=chatml");
  return *options.chat_template;
}

void column_unknown(const LineFile& lines, const nlohmann::json& row, const std::string& wanted,
                    const std::string& hint) {
  std::vector<std::string> known;
  for (const auto& [key, value] : row.items()) known.push_back(key);
  throw Error(ErrorKind::kUsage, "column_unknown", cat("this line has neither ", wanted),
              cat(lines.path().string(), ":", lines.number()), cat(hint, "; there are ", list_of(known)));
}

std::string read_utf8(const fs::path& path) {
  const io::MappedFile file = io::MappedFile::open(path);
  std::string_view text{reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (const auto bad = io::first_invalid_utf8(text))
    throw Error(ErrorKind::kBadData, "not_utf8", cat("byte ", *bad, " is no UTF-8"), path.string());
  // As Python's text mode reads it.
  return replace_all(replace_all(text, "\r\n", "\n"), "\r", "\n");
}

std::size_t count_words(std::string_view text) {
  std::size_t words = 1;
  bool in_space = false;
  while (!text.empty()) {
    const io::Utf8Step step = io::decode_utf8(text, 0);
    const bool space = is_space(step.code_point);
    if (space && !in_space) ++words;
    in_space = space;
    text.remove_prefix(step.bytes);
  }
  return words;
}

DocumentSet load_text_files(const std::vector<fs::path>& files, const TextFileOptions& options, std::string_view role) {
  DocumentSet set;
  for (const fs::path& path : files) {
    set.sources.push_back({.role = std::string(role), .path = path});
    if (path.extension() == ".jsonl")
      add_jsonl_file(path, options, set);
    else
      add_plain_file(path, options.unit, set);
  }
  return set;
}

}  // namespace frugal::datasets
