// Files: an owned descriptor, checked reading, and writing so that a file appears under its name only when whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace frugal::io {

// Throws the Error for a failed system call: disk_full (ENOSPC, EDQUOT, EFBIG), read_only (EROFS), no_permission,
// too_many_files and io_error are kEnvironment; missing_file is kUsage.
[[noreturn]] void throw_errno(int error, std::string_view doing, const std::filesystem::path& path);

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void reset();

 private:
  int fd_ = -1;
};

// flags as for open(2); O_CLOEXEC is added.
Fd open_file(const std::filesystem::path& path, int flags, unsigned mode = 0644);
std::uint64_t file_size(const Fd& fd, const std::filesystem::path& path);
// Retries short writes and EINTR. point: the fault point to pass.
void write_all(int fd, std::span<const std::byte> data, const std::filesystem::path& path,
               std::string_view point = "file.write");
void sync_file(int fd, const std::filesystem::path& path, std::string_view point = "file.sync");
void sync_folder(const std::filesystem::path& folder);

// The whole file. Throws Error(bad_data, "file_too_large") above max_bytes, before reading.
std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes = 256U << 20U);

enum class Durability { kSync, kNoSync };
// Writes path.tmp.<pid>.<n> beside it and renames; a failure leaves the former file and no temporary one.
void write_atomic(const std::filesystem::path& path, std::string_view text, Durability durability = Durability::kSync);
// Syncs `temporary`, renames it to `path`, syncs the folder. point: the fault point between sync and rename.
void publish(const std::filesystem::path& temporary, const std::filesystem::path& path,
             std::string_view point = "file.rename");

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace frugal::io
