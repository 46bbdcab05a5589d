// Comma-separated values as RFC 4180 has them: quoted cells hold commas, line breaks and doubled quotes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "core/io/mapped_file.h"

namespace frugal::datasets {

class CsvFile {
 public:
  // Error(kUsage, "file_not_found"), Error(kBadData, "dataset_row") for bad UTF-8 or NUL.
  explicit CsvFile(const std::filesystem::path& path);
  // False at the end; empty lines are passed over. A quote inside an unquoted cell is text, as Python's csv has it.
  // Error(kBadData, "dataset_row") for a quoted cell that does not end, or text behind its closing quote.
  bool next(std::vector<std::string>& cells);
  // Error(kBadData, "dataset_row") at the line where the current row begins.
  [[noreturn]] void fail(const std::string& message) const;

 private:
  std::string quoted_cell();
  std::string plain_cell();

  io::MappedFile file_;
  std::string_view text_;
  std::size_t at_ = 0, line_ = 1, row_line_ = 1;
};

}  // namespace frugal::datasets
