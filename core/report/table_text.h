// A finished table as text: for people (Markdown, HTML) and for programs (CSV, JSON).
#pragma once

#include <string>

#include "core/report/paper_table.h"

namespace frugal::report {

// One line a row; a cell is "mean ± spread", with the paper's value before it where there is one, and its status where
// that is not the one which all cells share (which stands below the table).
std::string table_markdown(const PaperTable& table);
std::string table_html(const PaperTable& table);  // one page, no outside files
std::string table_csv(const PaperTable& table);   // one line a cell
std::string table_json(const PaperTable& table);  // everything

// table.h5: /cells (one row a cell), /runs as in index.h5, and the table's facts as attributes. Whole or not at all.
std::filesystem::path write_table_file(const PaperTable& table, const std::filesystem::path& folder);

}  // namespace frugal::report
