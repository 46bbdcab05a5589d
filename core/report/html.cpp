#include "core/report/html.h"

#include "core/io/utf8.h"

namespace frugal::report {
namespace {

constexpr const char* kStyle = R"css(
body { font: 14px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 78em; padding: 0 1em; color: #1a1a1a; }
h1 { font-size: 1.5em; } h2 { font-size: 1.2em; margin-top: 2em; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .5em 0; }
th, td { padding: .2em .6em; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
small { color: #666; } .bad { color: #b00020; }
figure { display: inline-block; margin: .5em 1em .5em 0; } figcaption { color: #444; }
pre { background: #f6f6f6; padding: .6em; overflow-x: auto; }
svg text { font: 11px system-ui, sans-serif; fill: #333; }
)css";

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t good = io::first_invalid_utf8(text).value_or(text.size());
    for (const char c : text.substr(0, good)) switch (c) {
        case '&':
          out += "&amp;";
          break;
        case '<':
          out += "&lt;";
          break;
        case '>':
          out += "&gt;";
          break;
        case '"':
          out += "&quot;";
          break;
        case '\'':
          out += "&#39;";
          break;
        default:
          if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
            out += "\xEF\xBF\xBD";
          else
            out += c;
      }
    if (good == text.size()) break;
    out += "\xEF\xBF\xBD";
    text.remove_prefix(good + 1);
  }
  return out;
}

std::string html_table(const std::vector<std::string>& headings, const std::vector<std::vector<HtmlCell>>& rows) {
  std::string html = "<div class=\"wide\"><table>\n<tr>";
  for (const auto& heading : headings) html += "<th>" + escape(heading) + "</th>";
  html += "</tr>\n";
  for (const auto& row : rows) {
    html += "<tr>";
    for (const auto& cell : row) html += (cell.number ? "<td class=\"number\">" : "<td>") + cell.html + "</td>";
    html += "</tr>\n";
  }
  return html + "</table></div>\n";
}

std::string html_page(std::string_view title, const std::string& body) {
  const std::string name = escape(title);
  return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
         "<title>" +
         name + "</title>\n<style>" + kStyle + "</style></head>\n<body>\n<h1>" + name + "</h1>\n" + body +
         "</body></html>\n";
}

}  // namespace frugal::report
