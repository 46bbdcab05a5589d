// The one exception type. Its kind decides the exit code of the program and is what tests check.
#pragma once

#include <exception>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace frugal {

// Each kind is one exit code of the command line (docs/command_line.md).
enum class ErrorKind {
  kCheckFailed,  // 1: a check that the user asked for says no (verify, table --check)
  kUsage,        // 2: bad override, unknown key, missing file named by the user, wrong call
  kBadData,      // 3: an input file is damaged or not what it should be
  kEnvironment,  // 4: this machine cannot do it (no GPU, no memory, no disk)
  kRunFailed,    // 5: a run started and failed
};

int exit_code(ErrorKind kind);
std::string_view name(ErrorKind kind);

// What went wrong, in parts, so that a program can read it and a person can act on it.
//   code     short stable identifier, e.g. "override_key_missing"; tests match on it
//   message  what was expected and what was found, in one or two sentences
//   where    file:line:column, tensor name, byte offset; may be empty
//   hint     what to try; may be empty
class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string code, std::string message, std::string where = {}, std::string hint = {});

  ErrorKind kind() const { return kind_; }
  const std::string& code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& where() const { return where_; }
  const std::string& hint() const { return hint_; }
  // "where: message (code)\n  try: hint"
  const char* what() const noexcept override { return what_.c_str(); }

 private:
  ErrorKind kind_;
  std::string code_, message_, where_, hint_, what_;
};

// cat("rank ", 3, " of ", n): the text of its arguments, one after the other.
template <typename... Args>
std::string cat(const Args&... args) {
  std::ostringstream out;
  (out << ... << args);
  return std::move(out).str();
}

}  // namespace frugal
