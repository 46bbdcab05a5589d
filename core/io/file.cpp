#include "core/io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/io/fault.h"

namespace frugal::io {

namespace fs = std::filesystem;

void throw_errno(int error, std::string_view doing, const fs::path& path) {
  const auto fail = [&](ErrorKind kind, const char* code, const char* hint) {
    throw Error(kind, code, cat("cannot ", doing, ": ", std::strerror(error)), path.string(), hint);
  };
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      fail(ErrorKind::kUsage, "missing_file", "check the path");
      break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      fail(ErrorKind::kEnvironment, "disk_full", "free some space, or choose another folder");
      break;
    case EROFS:
      fail(ErrorKind::kEnvironment, "read_only", "choose a folder that can be written");
      break;
    case EACCES:
    case EPERM:
      fail(ErrorKind::kEnvironment, "no_permission", "check the owner and mode of the file and its folders");
      break;
    case EMFILE:
    case ENFILE:
      fail(ErrorKind::kEnvironment, "too_many_files", "raise the limit: ulimit -n");
      break;
    default:
      break;
  }
  throw Error(ErrorKind::kEnvironment, "io_error", cat("cannot ", doing, ": ", std::strerror(error)), path.string());
}

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Fd open_file(const fs::path& path, int flags, unsigned mode) {
  Fd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) throw_errno(errno, (flags & O_ACCMODE) == O_RDONLY ? "open" : "open for writing", path);
  return fd;
}

std::uint64_t file_size(const Fd& fd, const fs::path& path) {
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) throw_errno(errno, "stat", path);
  if (S_ISDIR(status.st_mode))
    throw Error(ErrorKind::kUsage, "is_folder", "expected a file, found a folder", path.string());
  return static_cast<std::uint64_t>(status.st_size);
}

void write_all(int fd, std::span<const std::byte> data, const fs::path& path, std::string_view point) {
  if (const int error = fault::passage(point); error != 0) {
    // As a full disk does it: part of the data is written, then the error comes.
    if (::write(fd, data.data(), data.size() / 2) < 0) throw_errno(errno, "write", path);
    throw_errno(error, "write", path);
  }
  while (!data.empty()) {
    const ssize_t written = ::write(fd, data.data(), data.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_errno(errno, "write", path);
    data = data.subspan(static_cast<std::size_t>(written));
  }
}

void sync_file(int fd, const fs::path& path, std::string_view point) {
  if (const int error = fault::passage(point); error != 0) throw_errno(error, "sync", path);
  if (::fdatasync(fd) != 0) throw_errno(errno, "sync", path);
}

void sync_folder(const fs::path& folder) {
  const Fd fd = open_file(folder.empty() ? fs::path(".") : folder, O_RDONLY | O_DIRECTORY);
  // Some network file systems refuse to sync a folder (EINVAL); their rename is synchronous.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) throw_errno(errno, "sync", folder);
}

std::string read_file(const fs::path& path, std::uint64_t max_bytes) {
  const Fd fd = open_file(path, O_RDONLY);
  const std::uint64_t size = file_size(fd, path);
  const auto check = [&](std::uint64_t bytes) {
    if (bytes > max_bytes)
      throw Error(ErrorKind::kBadData, "file_too_large",
                  cat("more than the ", max_bytes, " bytes that are accepted here"), path.string());
  };
  check(size);
  std::string text;
  text.resize(static_cast<std::size_t>(size));
  std::size_t have = 0;
  while (true) {  // a file of /proc has size 0, and a growing one may be longer than it was
    if (have == text.size()) text.resize(text.size() + 4096);
    const ssize_t got = ::read(fd.get(), text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_errno(errno, "read", path);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
    check(have);
  }
  text.resize(have);
  return text;
}

namespace {

fs::path temporary_name(const fs::path& path) {
  static std::atomic<unsigned> counter = 0;
  return fs::path(path.string() + cat(".tmp.", ::getpid(), ".", counter++));
}

// Removes the temporary file unless it was renamed away.
struct RemoveOnFailure {
  fs::path path;
  bool keep = false;
  ~RemoveOnFailure() {
    if (!keep) ::unlink(path.c_str());
  }
};

void rename_file(const fs::path& from, const fs::path& to, std::string_view point) {
  if (const int error = fault::passage(point); error != 0) throw_errno(error, "rename", to);
  if (::rename(from.c_str(), to.c_str()) != 0) throw_errno(errno, "rename", to);
}

}  // namespace

void write_atomic(const fs::path& path, std::string_view text, Durability durability) {
  RemoveOnFailure temporary{.path = temporary_name(path)};
  {
    const Fd fd = open_file(temporary.path, O_WRONLY | O_CREAT | O_EXCL);
    write_all(fd.get(), as_bytes(text), temporary.path);
    if (durability == Durability::kSync) sync_file(fd.get(), temporary.path);
  }
  rename_file(temporary.path, path, "file.rename");
  temporary.keep = true;
  if (durability == Durability::kSync) sync_folder(path.parent_path());
}

void publish(const fs::path& temporary, const fs::path& path, std::string_view point) {
  {
    const Fd fd = open_file(temporary, O_RDONLY);
    sync_file(fd.get(), temporary);
  }
  rename_file(temporary, path, point);
  sync_folder(path.parent_path());
}

}  // namespace frugal::io
