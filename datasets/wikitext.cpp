// WikiText, cut and detokenized as lm-evaluation-harness 0.4.13 scores it.
#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "datasets/documents.h"
#include "datasets/labels.h"
#include "datasets/python_text.h"
#include "datasets/text_file.h"

namespace frugal::datasets {
namespace {

namespace fs = std::filesystem;

using Replacement = std::pair<std::string_view, std::string_view>;
// Number separators and punctuation; then, after brackets and quotes, the rest.
constexpr Replacement kJoins[] = {{" @-@ ", "-"}, {" @,@ ", ","}, {" @.@ ", "."}, {" : ", ": "}, {" ; ", "; "},
                                  {" . ", ". "},  {" ! ", "! "},  {" ? ", "? "},  {" , ", ", "}};
constexpr Replacement kMore[] = {{"= = = =", "===="}, {"= = =", "==="}, {"= =", "=="},  {" ° ", "°"},
                                 {" \n", "\n"},       {"\n ", "\n"},    {" N ", " 1 "}, {" 's", "'s"}};

// " = Title = ", and not " = = Section = = ".
bool starts_page(std::string_view line) {
  const std::string joined = replace_all(replace_all(line, "= = =", "==="), "= =", "==");
  const std::string_view heading = strip(joined);
  return heading.starts_with("= ") && heading.ends_with(" =");
}

// re.sub(OPEN \s*([^CLOSE]*?)\s* CLOSE, OPEN \1 CLOSE): no white space next to the inner side of a pair. A pair ends at
// the first `close`, whatever was opened between.
std::string tighten(std::string_view text, char open, char close) {
  std::string out;
  while (true) {
    const std::size_t from = text.find(open);
    const std::size_t to = from == std::string_view::npos ? from : text.find(close, from + 1);
    if (to == std::string_view::npos) return out.append(text);
    out.append(text.substr(0, from + 1)).append(strip(text.substr(from + 1, to - from - 1))).push_back(close);
    text.remove_prefix(to + 1);
  }
}

// re.sub(r"/' [0-9]/", r"/'[0-9]/", text): the harness's replacement is that text, brackets and all.
std::string replace_feet(std::string_view text) {
  std::string out;
  constexpr std::size_t kLength = 5;
  while (true) {
    const std::size_t at = text.find("/' ");
    if (at == std::string_view::npos || at + kLength > text.size()) return out.append(text);
    const std::string_view found = text.substr(at, kLength);
    const bool matches = found[3] >= '0' && found[3] <= '9' && found[4] == '/';
    out.append(text.substr(0, at)).append(matches ? "/'[0-9]/" : found.substr(0, 1));
    text.remove_prefix(at + (matches ? kLength : 1));
  }
}

fs::path split_file(const fs::path& root, const std::string& variant, const std::string& split) {
  const std::string part = split == "validation" ? "valid" : split;
  if (part != "train" && part != "valid" && part != "test")
    throw Error(ErrorKind::kUsage, "split_unknown", cat("WikiText has no split '", split, "'"), "dataset.split",
                "train, validation or test");
  std::vector<std::string> tried;
  for (const char* suffix : {"", "-raw", "-raw-v1", "-v1"})
    for (const std::string& name : {cat("wiki.", part, ".raw"), cat("wiki.", part, ".tokens"), cat(part, ".txt")}) {
      tried.push_back(cat(variant, suffix, "/", name));
      if (fs::is_regular_file(root / tried.back())) return root / tried.back();
    }
  throw Error(ErrorKind::kUsage, "dataset_not_found", cat("no file of ", variant, "; tried ", list_of(tried)),
              root.string(),
              cat("data.root=DIR where DIR holds one of them; the raw files are in ", variant,
                  "-raw-v1.zip of the WikiText data set's authors"));
}

}  // namespace

std::vector<std::string_view> wikitext_pages(std::string_view file) {
  std::vector<std::string_view> pages;
  std::size_t page = 0;  // where it starts
  for (std::size_t begin = 0; begin <= file.size();) {
    const std::size_t end = std::min(file.find('\n', begin), file.size());
    if (starts_page(file.substr(begin, end - begin))) {
      // Without the line break before the heading.
      const std::string_view before = file.substr(page, begin == page ? 0 : begin - 1 - page);
      if (!strip(before).empty()) pages.push_back(before);
      page = begin;
    }
    begin = end + 1;
  }
  pages.push_back(file.substr(page));
  return pages;
}

std::string wikitext_detokenize(std::string_view page) {
  std::string text = replace_feet(replace_all(page, "s '", "s'"));
  const auto replace = [&](std::string_view from, std::string_view to) { text = replace_all(text, from, to); };
  for (const auto& [from, to] : kJoins) replace(from, to);
  for (const std::string_view pair : {"()", "[]", "{}", "\"\"", "''"}) text = tighten(text, pair[0], pair[1]);
  for (const auto& [from, to] : kMore) replace(from, to);
  return text;
}

DocumentSet load_wikitext(const fs::path& root, const std::string& variant, const std::string& split) {
  const fs::path path = split_file(root, variant, split);
  DocumentSet set{.sources = {{.role = "dataset/" + split, .path = path}}};
  const std::string file = read_utf8(path);
  for (const std::string_view page : wikitext_pages(file))
    set.documents.push_back({.id = std::to_string(set.documents.size()),
                             .text = wikitext_detokenize(page),
                             .words = count_words(page),
                             .bytes = page.size()});
  if (file.find("<unk>") != std::string::npos)
    set.notes.push_back("the file has <unk> for rare words; published perplexities are of the raw files");
  return set;
}

}  // namespace frugal::datasets
