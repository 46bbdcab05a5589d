// A folder below the system's temporary folder, for what nobody wants to keep; removed with the object.
#pragma once

#include <filesystem>

namespace frugal::io {

class ScratchFolder {
 public:
  ScratchFolder();  // throws Error(environment) where it cannot be made
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace frugal::io
