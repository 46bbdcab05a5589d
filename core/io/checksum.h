// CRC32C, which guards frames against torn and flipped bytes, and SHA-256, which names contents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace frugal::io {

// CRC-32C (Castagnoli, as in iSCSI and ext4): crc32c("123456789") == 0xE3069283.
std::uint32_t crc32c(std::span<const std::byte> data);

class Sha256 {
 public:
  Sha256();
  void update(std::span<const std::byte> data);
  void update(std::string_view text);
  // 64 lower-case hexadecimal digits. Call once, at the end.
  std::string hex();

 private:
  struct Free {
    void operator()(void* context) const;
  };
  std::unique_ptr<void, Free> context_;
};

std::string sha256(std::span<const std::byte> data);
std::string sha256(std::string_view text);

// The hash of a file, remembered by path, size, time of change and inode: in this process, and for files of 1 MiB and
// more in the user's cache folder ($XDG_CACHE_HOME or ~/.cache, frugal/sha256.txt), since models have gigabytes.
// A file changed within the last two seconds is not remembered: its time may not move with the next change.
std::string sha256_file(const std::filesystem::path& path);

}  // namespace frugal::io
