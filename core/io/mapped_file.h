// A whole file, memory-mapped read-only.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace frugal::io {

// Movable, not copyable. A file that another process truncates while it is mapped raises SIGBUS on access: writers
// must replace files (write beside, then rename), as ours do.
class MappedFile {
 public:
  MappedFile() = default;
  // Errors: kUsage `file_not_found` (missing or a folder), kEnvironment `file_unreadable` (permissions, I/O).
  static MappedFile open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace frugal::io
