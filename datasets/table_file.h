// Rows of TSV and JSONL files, with the place of each for errors. Internal to datasets.
#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/io/mapped_file.h"

namespace frugal::datasets {

// Lines of a UTF-8 file: ends at \n or \r\n, a byte order mark at the start is left out, as are empty lines at the end.
// Errors: kUsage `file_not_found`; kBadData `dataset_row` for bad UTF-8, NUL, or a line above 16 MiB.
class LineFile {
 public:
  explicit LineFile(const std::filesystem::path& path);
  // False at the end. The view is valid while this object lives.
  bool next(std::string_view& line);
  std::size_t number() const { return number_; }  // of the line that next() gave, from 1
  // Error(kBadData, "dataset_row") at the current line.
  [[noreturn]] void fail(const std::string& message) const;
  const std::filesystem::path& path() const { return file_.path(); }

 private:
  io::MappedFile file_;
  std::string_view rest_;
  std::size_t number_ = 0;
};

// Tab-separated cells without quoting: a quote is text, a cell holds no tab and no line break.
class TsvFile {
 public:
  // With a header, its names become columns() (Error `dataset_row` when a name appears twice); without, columns() is
  // empty and every row must have `columns_without_header` cells.
  TsvFile(const std::filesystem::path& path, bool header, std::size_t columns_without_header = 0);
  const std::vector<std::string>& columns() const { return columns_; }
  std::optional<std::size_t> column(std::string_view name) const;
  // The next row, whatever its number of cells; false at the end.
  bool next(std::vector<std::string_view>& cells);
  std::size_t width() const { return width_; }
  const LineFile& lines() const { return lines_; }

 private:
  LineFile lines_;
  std::vector<std::string> columns_;
  std::size_t width_;
};

// The JSON object of a line: at most 16 levels deep. Errors at the line.
nlohmann::json parse_object(const LineFile& lines, std::string_view line);

// Whole text as a finite number, or as an integer >= 0; empty when it is none.
std::optional<double> parse_number(std::string_view text);
std::optional<std::int64_t> parse_index(std::string_view text);

}  // namespace frugal::datasets
