// What YAML 1.1 forbids and yaml-cpp lets pass: tabs between tokens, quotes that never close, empty entries of flow
// collections, directives without a document. A light scan over the text that knows quotes, comments, flow
// collections and block scalars, and nothing else.
#include "core/config/errors.h"
#include "core/config/yaml_graph.h"

namespace frugal::config::yaml {

namespace {

class StrictScanner {
 public:
  StrictScanner(const std::string& text, const std::string& name) : text_(text), name_(name) {}

  void run() {
    while (!at_end()) step();
    if (directive_) fail_here("a directive needs a document after it");
  }

 private:
  bool at_end() const { return at_ >= text_.size(); }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\n'; }
  int column() const { return static_cast<int>(at_ - line_start_); }
  static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t'; }

  [[noreturn]] void fail_here(std::string message) const {
    fail("yaml_error", std::move(message), Mark{std::make_shared<const std::string>(name_), line_, column() + 1});
  }

  void newline() {
    ++at_;
    ++line_;
    line_start_ = at_;
    first_on_line_ = true;
  }

  void skip_line() {
    while (!at_end() && text_[at_] != '\n') ++at_;
  }

  void step() {
    const char c = peek();
    if (c == '\n') return newline();
    if (c == ' ') {
      ++at_;
      return;
    }
    if (c == '\t') fail_here("a tab stands where only spaces may");
    if (c == '#') return skip_line();
    if (column() == 0 && depth_ == 0 && line_start_token()) return;
    token(c);
  }

  // Directives and document marks.
  bool line_start_token() {
    if (peek() == '%') {
      directive_ = true;
      skip_line();
      return true;
    }
    for (const std::string_view mark : {"---", "..."}) {
      if (text_.compare(at_, 3, mark) != 0 || !is_blank(peek(3))) continue;
      if (mark == "..." && !content_) fail_here("'...' ends a document that never began");
      directive_ = false;
      content_ = true;
      indent_ = -1;
      at_ += 3;
      return true;
    }
    return false;
  }

  void token(char c) {
    if (directive_) fail_here("a directive needs '---' after it");
    content_ = true;
    if (c == '"' || c == '\'') return structure(), quoted(c);
    if (c == '[' || c == '{') return structure(), flow_open();
    if (c == ']' || c == '}') return flow_close();
    if (c == ',' && depth_ > 0) return flow_comma();
    if ((c == '|' || c == '>') && depth_ == 0) return block_scalar();
    if (c == '&' || c == '*' || c == '!') return property();
    if ((c == '-' || c == '?' || c == ':') && is_blank(peek(1)) && depth_ == 0) return indicator(c);
    structure();
    plain();
  }

  // Remembers the column of the innermost block structure that starts here.
  void structure() {
    if (first_on_line_ && depth_ == 0) indent_ = column();
    first_on_line_ = false;
    after_separator_ = false;
  }

  void indicator(char c) {
    if (c != ':' && first_on_line_) indent_ = column();
    first_on_line_ = c != ':';  // what follows "- " starts a structure of its own
    ++at_;
  }

  void property() {
    after_separator_ = false;
    while (!at_end() && !is_blank(peek()) &&
           (depth_ == 0 || std::string_view(",[]{}").find(peek()) == std::string_view::npos))
      ++at_;
  }

  void flow_open() {
    ++depth_;
    after_separator_ = true;
    ++at_;
  }

  void flow_close() {
    if (depth_ > 0) --depth_;
    after_separator_ = false;
    ++at_;
  }

  void flow_comma() {
    if (after_separator_) fail_here("an entry is missing in front of ','");
    after_separator_ = true;
    ++at_;
  }

  void quoted(char quote) {
    const auto line = line_;
    for (++at_; !at_end(); ++at_) {
      const char c = text_[at_];
      if (quote == '"' && c == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') {
        ++at_;
      } else if (c == '\n') {
        newline();
        --at_;
        first_on_line_ = false;
      } else if (c == quote) {
        ++at_;
        if (quote != '\'' || at_end() || text_[at_] != '\'') return;
      }
    }
    fail("yaml_error", "a quote is never closed", cat(name_, ":", line));
  }

  void block_scalar() {
    first_on_line_ = false;
    while (!at_end() && peek() != '\n' && peek() != '#') {
      if (peek() == '\t') fail_here("a tab stands where only spaces may");
      ++at_;
    }
    skip_line();
    while (!at_end()) {
      newline();
      std::size_t end = at_;
      while (end < text_.size() && text_[end] == ' ') ++end;
      const bool empty = end >= text_.size() || text_[end] == '\n';
      if (!empty && static_cast<int>(end - at_) <= indent_) return;
      at_ = end;
      skip_line();
    }
  }

  void plain() {
    while (!at_end()) {
      const char c = peek();
      if (c == '\n') return;
      if (c == '\t') fail_here("a tab stands where only spaces may");
      if (c == ':' &&
          (is_blank(peek(1)) || (depth_ > 0 && std::string_view(",[]{}").find(peek(1)) != std::string_view::npos))) {
        ++at_;
        return;
      }
      if (c == ' ' && peek(1) == '#') return;
      if (depth_ > 0 && std::string_view(",[]{}").find(c) != std::string_view::npos) return;
      ++at_;
    }
  }

  const std::string& text_;
  const std::string& name_;
  std::size_t at_ = 0;
  std::size_t line_start_ = 0;
  int line_ = 1;
  int depth_ = 0;    // of flow collections
  int indent_ = -1;  // of the block structure that a block scalar would belong to
  bool first_on_line_ = true;
  bool after_separator_ = false;  // '[' '{' or ',' stands in front
  bool directive_ = false;
  bool content_ = false;
};

}  // namespace

void check_strict(const std::string& text, const std::string& name) {
  StrictScanner(text, name).run();
}

}  // namespace frugal::config::yaml
