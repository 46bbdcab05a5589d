// What this program was built from; code_version.cpp is written by cmake/CodeVersion.cmake at every build that changed
// it.
#pragma once

namespace frugal::run {

struct CodeVersion {
  const char* version;
  const char* commit;       // "unknown" outside a git checkout
  const char* dirty;        // "true" if files differed from the commit
  const char* diff_sha256;  // of `git diff HEAD`, "" if it was empty
  const char* build_type;
  const char* compiler;
  const char* flags;
};
extern const CodeVersion kCodeVersion;

}  // namespace frugal::run
