#include "experiments/documents/load.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "datasets/samplers.h"

namespace frugal {
namespace {

using datasets::DocumentSet;
using tokenizers::ChatTemplate;

datasets::TextUnit unit_named(const std::string& name) {
  return name == "line"        ? datasets::TextUnit::kLine
         : name == "paragraph" ? datasets::TextUnit::kParagraph
                               : datasets::TextUnit::kFile;
}

DocumentSet read_files(const DocumentRequest& request, const std::vector<std::string>& files, std::string_view role) {
  const DocumentDatasetOptions& o = request.dataset;
  datasets::TextFileOptions options{.unit = unit_named(o.unit),
                                    .text_column = o.text_column,
                                    .messages_column = o.messages_column,
                                    .empty_system = o.empty_system};
  if (o.chat_template)
    options.chat_template = ChatTemplate::named(*o.chat_template);
  else if (!request.checkpoint.empty())
    options.chat_template = ChatTemplate::of_checkpoint(request.checkpoint);
  return datasets::load_text_files({files.begin(), files.end()}, options, role);
}

[[noreturn]] void no_documents(const std::string& message) {
  throw Error(ErrorKind::kBadData, "no_documents", message, "dataset");
}

}  // namespace

DocumentSet load_documents(const DocumentRequest& request) {
  const DocumentDatasetOptions& o = request.dataset;
  if (o.name == "text" && o.files.empty())
    throw Error(ErrorKind::kUsage, "missing_value", "dataset.files names no file", "dataset.files",
                "dataset.files=[a.jsonl,b.txt]");
  DocumentSet set = o.name == "wikitext" ? datasets::load_wikitext(request.root, o.variant, o.split)
                                         : read_files(request, o.files, "dataset/files");
  if (o.limit && set.documents.size() > static_cast<size_t>(*o.limit))
    set.documents.resize(static_cast<size_t>(*o.limit));
  if (set.documents.empty()) no_documents("the files hold no text");
  return set;
}

DocumentSet load_eval_documents(const DocumentRequest& request) {
  DocumentSet set = read_files(request, request.dataset.eval_files, "dataset/eval_files");
  if (set.documents.empty()) no_documents("dataset.eval_files hold no text");
  return set;
}

DocumentSplit hold_out(DocumentSet all, double share, uint64_t seed) {
  const size_t n = all.documents.size();
  const auto count = std::max<size_t>(1, static_cast<size_t>(std::llround(share * static_cast<double>(n))));
  if (count >= n)
    no_documents(cat(n, " documents are too few to set ", count, " apart; name dataset.eval_files, or more documents"));
  const std::vector<uint32_t> order = datasets::permutation(n, seed, 0);
  std::vector<bool> apart(n, false);
  for (size_t i = 0; i < count; ++i) apart[order[i]] = true;
  DocumentSplit split{.train = {.sources = all.sources, .notes = all.notes}};
  for (size_t i = 0; i < n; ++i)
    (apart[i] ? split.held_out : split.train).documents.push_back(std::move(all.documents[i]));
  split.train.notes.push_back(cat(count, " of ", n, " documents set apart for evaluation"));
  return split;
}

}  // namespace frugal
