// The quick test that OmegaConf makes before it parses: texts of plain "${a.b}" and "${name:arg,arg}" are taken as
// they are when loaded. It lets a resolver without a name pass, which then fails where the value is used.
#include <string_view>

#include "core/config/interpolation.h"

namespace frugal::config {

namespace {

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class Scanner {
 public:
  explicit Scanner(std::string_view rest) : rest_(rest) {}

  // What follows "${", up to and with '}'.
  bool interpolation() {
    blanks();
    const auto start = rest_;
    if (path() && close()) return true;
    rest_ = start;
    return resolver() && close();
  }
  std::string_view rest() const { return rest_; }

 private:
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void blanks() {
    while (!rest_.empty() && std::string_view(" \t\n\r\f\v").find(rest_[0]) != std::string_view::npos)
      rest_.remove_prefix(1);
  }
  template <typename Predicate>
  bool many(Predicate allowed) {
    std::size_t n = 0;
    while (n < rest_.size() && allowed(rest_[n])) ++n;
    rest_.remove_prefix(n);
    return n > 0;
  }
  bool close() {
    blanks();
    return take('}');
  }
  bool name() {
    return many([](char c) { return is_word(c) || c == '$'; });
  }
  bool bracketed() { return take('[') && name() && take(']'); }
  bool path() {
    while (take('.')) {
    }
    if (!(rest_.starts_with('[') ? bracketed() : name())) return false;
    while (rest_.starts_with('.') || rest_.starts_with('['))
      if (!(rest_[0] == '[' ? bracketed() : take('.') && name())) return false;
    return true;
  }
  bool identifier() {
    if (rest_.empty() || !is_word(rest_[0]) || (rest_[0] >= '0' && rest_[0] <= '9')) return false;
    return many([](char c) { return is_word(c) || c == '-'; });
  }
  bool argument() {
    return many([](char c) { return is_word(c) || std::string_view("/-+.$%*@?|").find(c) != std::string_view::npos; });
  }
  bool resolver() {
    if (identifier())
      while (take('.'))
        if (!identifier()) return false;
    blanks();
    if (!take(':')) return false;
    blanks();
    if (!argument()) return false;
    for (blanks(); take(','); blanks()) {
      blanks();
      if (!argument()) return false;
    }
    return true;
  }

  std::string_view rest_;
};

}  // namespace

bool is_simple_interpolation(std::string_view text) {
  for (auto at = text.find("${"); at != std::string_view::npos; at = text.find("${")) {
    Scanner scanner(text.substr(at + 2));
    if (!scanner.interpolation()) return false;
    text = scanner.rest();
  }
  return true;
}

}  // namespace frugal::config
