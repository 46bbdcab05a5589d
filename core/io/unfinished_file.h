// A file that is being written under another name than the one it will have.
#pragma once

#include <filesystem>
#include <system_error>
#include <utility>

namespace frugal::io {

// Removed with the object, unless io::publish has given it its name by then.
class UnfinishedFile {
 public:
  // Removes what a killed process may have left there.
  explicit UnfinishedFile(std::filesystem::path path) : path_(std::move(path)) { std::filesystem::remove(path_); }
  ~UnfinishedFile() {
    std::error_code ignored;  // published; or the error under way says more
    std::filesystem::remove(path_, ignored);
  }
  UnfinishedFile(const UnfinishedFile&) = delete;
  UnfinishedFile& operator=(const UnfinishedFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace frugal::io
