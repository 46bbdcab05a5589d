// A folder below the temporary one, removed with what is in it.
#pragma once

#include <stdlib.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "core/io/file.h"

namespace frugal::cli {

class ScratchFolder {
 public:
  // Throws Error(environment).
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "frugal-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) io::throw_errno(errno, "make a temporary folder", name);
    path_ = name;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;  // what stays among temporary files harms nobody
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace frugal::cli
