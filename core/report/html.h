// Text as HTML. Everything that comes from a file goes through here: names in result files are strangers' input.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace frugal::report {

// Safe between tags and inside quoted attributes: & < > " ' as entities, control characters and broken UTF-8 as U+FFFD.
std::string escape(std::string_view text);

struct HtmlCell {
  std::string html;  // already escaped
  bool number = false;
};
// headings: plain text, escaped here.
std::string html_table(const std::vector<std::string>& headings, const std::vector<std::vector<HtmlCell>>& rows);
// A page that needs nothing else and runs nothing: a content policy forbids scripts and outside addresses.
std::string html_page(std::string_view title, const std::string& body);

}  // namespace frugal::report
