#include "core/io/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace frugal::io {

namespace {

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
  if (error == ENOENT || error == ENOTDIR)
    throw Error(ErrorKind::kUsage, "file_not_found", "there is no such file", path.string());
  throw Error(ErrorKind::kEnvironment, "file_unreadable", cat("cannot be read: ", std::strerror(error)), path.string());
}

// Closes on every way out of open().
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

MappedFile MappedFile::open(const std::filesystem::path& path) {
  // Not blocking: opening a pipe that nobody writes to must not hang.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) fail(path, errno);
  struct stat status{};
  if (::fstat(file.fd, &status) != 0) fail(path, errno);
  if (!S_ISREG(status.st_mode))
    throw Error(ErrorKind::kUsage, "file_not_found", "expected a regular file, found a folder or a device",
                path.string());
  MappedFile result;
  result.path_ = path;
  result.size_ = static_cast<std::size_t>(status.st_size);
  if (result.size_ == 0) return result;  // mmap refuses length 0
  void* data = ::mmap(nullptr, result.size_, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (data == MAP_FAILED) {
    result.size_ = 0;
    fail(path, errno);
  }
  result.data_ = static_cast<const std::byte*>(data);
  return result;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace frugal::io
