#include "datasets/multiple_choice/csv_file.h"

#include <algorithm>

#include "core/error.h"
#include "core/io/utf8.h"

namespace frugal::datasets {

CsvFile::CsvFile(const std::filesystem::path& path) : file_(io::MappedFile::open(path)) {
  const auto bytes = file_.bytes();
  text_ = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  const auto bad = std::min(io::first_invalid_utf8(text_).value_or(text_.size()), text_.find('\0'));
  if (bad >= text_.size()) return;
  row_line_ = 1 + static_cast<std::size_t>(std::count(text_.begin(), text_.begin() + static_cast<long>(bad), '\n'));
  fail("not UTF-8 text");
}

void CsvFile::fail(const std::string& message) const {
  throw Error(ErrorKind::kBadData, "dataset_row", message, cat(file_.path().string(), ":", row_line_));
}

std::string CsvFile::quoted_cell() {
  std::string cell;
  for (++at_; at_ < text_.size(); ++at_) {
    if (text_[at_] == '"') {
      if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') break;
      ++at_;
    } else if (text_[at_] == '\n') {
      ++line_;
    }
    cell += text_[at_];
  }
  if (at_ >= text_.size()) fail("a quoted cell does not end");
  ++at_;
  if (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n' && text_[at_] != '\r')
    fail("text stands behind the closing quote of a cell");
  return cell;
}

std::string CsvFile::plain_cell() {
  const std::size_t end = std::min(text_.find_first_of(",\n\r", at_), text_.size());
  const std::string cell(text_.substr(at_, end - at_));
  at_ = end;
  return cell;
}

bool CsvFile::next(std::vector<std::string>& cells) {
  cells.clear();
  while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) line_ += text_[at_++] == '\n' ? 1 : 0;
  row_line_ = line_;
  if (at_ >= text_.size()) return false;
  while (true) {
    cells.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted_cell() : plain_cell());
    if (at_ >= text_.size() || text_[at_] != ',') return true;
    ++at_;
  }
}

}  // namespace frugal::datasets
