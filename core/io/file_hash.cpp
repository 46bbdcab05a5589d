// sha256_file: the hash of a file, remembered while its size, time and inode stay.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <sstream>
#include <unordered_map>
#include <vector>

#include "core/error.h"
#include "core/io/checksum.h"
#include "core/io/file.h"
#include "core/log.h"

namespace frugal::io {
namespace {

namespace fs = std::filesystem;
constexpr std::uint64_t kPersistFrom = 1U << 20U;

std::mutex g_mutex;
std::unordered_map<std::string, std::string> g_known;  // key -> hash
bool g_loaded = false;

fs::path cache_path() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/')
    return fs::path(cache) / "frugal/sha256.txt";
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
    return fs::path(home) / ".cache/frugal/sha256.txt";
  return {};
}

// The cache is a convenience: where it cannot be read or written, files are hashed again, and the log says why.
void load_cache() {
  g_loaded = true;
  const fs::path path = cache_path();
  std::error_code none;
  if (path.empty() || !fs::exists(path, none)) return;
  try {
    std::istringstream lines(read_file(path, 16U << 20U));
    for (std::string line; std::getline(lines, line);)
      if (line.size() > 65 && line[64] == ' ') g_known[line.substr(65)] = line.substr(0, 64);
  } catch (const Error& error) {
    log::debug("hashes of files are not remembered: ", error.what());
  }
}

void append_cache(const std::string& key, const std::string& hash) {
  const fs::path path = cache_path();
  if (path.empty() || key.find('\n') != std::string::npos) return;
  try {
    fs::create_directories(path.parent_path());
    const Fd fd = open_file(path, O_WRONLY | O_CREAT | O_APPEND);
    write_all(fd.get(), as_bytes(hash + " " + key + "\n"), path, "cache.write");
  } catch (const std::exception& error) {
    log::debug("hashes of files are not remembered: ", error.what());
  }
}

std::string hash_of(const Fd& fd, const fs::path& path) {
  Sha256 hash;
  std::vector<std::byte> buffer(1U << 20U);
  while (true) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno(errno, "read", path);
    if (got == 0) return hash.hex();
    hash.update(std::span(buffer).first(static_cast<std::size_t>(got)));
  }
}

}  // namespace

std::string sha256_file(const fs::path& path) {
  const Fd fd = open_file(path, O_RDONLY);
  const std::uint64_t size = file_size(fd, path);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) throw_errno(errno, "stat", path);
  const std::string key = cat(size, " ", status.st_mtim.tv_sec, " ", status.st_mtim.tv_nsec, " ", status.st_ino, " ",
                              fs::absolute(path).lexically_normal().string());
  const std::lock_guard lock(g_mutex);
  if (!g_loaded) load_cache();
  if (const auto found = g_known.find(key); found != g_known.end()) return found->second;
  std::string hash = hash_of(fd, path);
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  if (now - status.st_mtim.tv_sec > 2) {
    g_known[key] = hash;
    if (size >= kPersistFrom) append_cache(key, hash);
  }
  return hash;
}

}  // namespace frugal::io
