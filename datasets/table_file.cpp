#include "datasets/table_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/io/json_strings.h"
#include "core/io/utf8.h"

namespace frugal::datasets {

namespace {

constexpr std::size_t kMaxLineBytes = 16u << 20;
constexpr int kMaxDepth = 16;

void split_tabs(std::string_view line, std::vector<std::string_view>& cells) {
  cells.clear();
  for (std::size_t at = 0;;) {
    const auto tab = line.find('\t', at);
    cells.push_back(line.substr(at, tab - at));
    if (tab == std::string_view::npos) return;
    at = tab + 1;
  }
}

}  // namespace

LineFile::LineFile(const std::filesystem::path& path) : file_(io::MappedFile::open(path)) {
  rest_ = {reinterpret_cast<const char*>(file_.bytes().data()), file_.bytes().size()};
  if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
  while (rest_.ends_with('\n') || rest_.ends_with('\r')) rest_.remove_suffix(1);
}

bool LineFile::next(std::string_view& line) {
  if (rest_.empty()) return false;
  ++number_;
  const auto end = std::min(rest_.find('\n'), rest_.size());
  line = rest_.substr(0, end);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.size() > kMaxLineBytes) fail(cat("a line of ", line.size(), " bytes; the limit is ", kMaxLineBytes));
  if (const auto bad = io::first_invalid_utf8(line)) fail(cat("byte ", *bad, " of the line is no UTF-8"));
  if (line.find('\0') != std::string_view::npos) fail("the line holds a NUL");
  return true;
}

void LineFile::fail(const std::string& message) const {
  throw Error(ErrorKind::kBadData, "dataset_row", message, cat(path().string(), ":", number_));
}

TsvFile::TsvFile(const std::filesystem::path& path, bool header, std::size_t columns_without_header)
    : lines_(path), width_(columns_without_header) {
  if (!header) return;
  std::vector<std::string_view> cells;
  if (!next(cells)) lines_.fail("expected a header line, found an empty file");
  columns_.assign(cells.begin(), cells.end());
  width_ = columns_.size();
  auto sorted = columns_;
  std::sort(sorted.begin(), sorted.end());
  if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
    lines_.fail(cat("the column '", io::printable(*twice), "' appears twice in the header"));
}

std::optional<std::size_t> TsvFile::column(std::string_view name) const {
  const auto at = std::find(columns_.begin(), columns_.end(), name);
  if (at == columns_.end()) return std::nullopt;
  return static_cast<std::size_t>(at - columns_.begin());
}

bool TsvFile::next(std::vector<std::string_view>& cells) {
  std::string_view line;
  if (!lines_.next(line)) return false;
  split_tabs(line, cells);
  return true;
}

nlohmann::json parse_object(const LineFile& lines, std::string_view line) {
  using Json = nlohmann::json;
  if (io::first_long_string(line))
    lines.fail(cat("not valid JSON: a text that does not end within ", io::kMaxJsonString, " bytes"));
  try {
    auto value = Json::parse(line, [&](int depth, Json::parse_event_t /*event*/, Json& /*value*/) {
      if (depth > kMaxDepth) lines.fail(cat("nested deeper than ", kMaxDepth, " levels"));
      return true;
    });
    if (!value.is_object()) lines.fail("expected a JSON object");
    return value;
  } catch (const Json::exception& error) {
    const std::string what = error.what();
    const auto colon = what.find(": ");
    lines.fail(cat("not valid JSON: ", io::printable(colon == std::string::npos ? what : what.substr(colon + 2))));
  }
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::int64_t> parse_index(std::string_view text) {
  std::int64_t value = 0;
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace frugal::datasets
