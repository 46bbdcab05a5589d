#include "core/io/safetensors_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace frugal::io {

namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_usage(const std::string& message, const std::string& tensor) {
  throw Error(ErrorKind::kUsage, "safetensors_write", message, cat("tensor '", tensor, "'"));
}

void check(const TensorToWrite& tensor) {
  if (tensor.name.empty() || tensor.name == "__metadata__" || tensor.name.size() > SafetensorsLimits::kNameBytes)
    fail_usage("a tensor cannot have this name", tensor.name);
  if (tensor.shape.size() > SafetensorsLimits::kRank) fail_usage("too many dimensions", tensor.name);
  std::uint64_t bits = dtype_bits(tensor.dtype);
  for (const auto dimension : tensor.shape)
    if (dimension < 0 || __builtin_mul_overflow(bits, static_cast<std::uint64_t>(dimension), &bits))
      fail_usage("the shape has a negative dimension or its product overflows", tensor.name);
  if (bits % 8 != 0 || bits / 8 != tensor.bytes.size())
    fail_usage(cat("dtype and shape need ", bits, " bits, there are ", tensor.bytes.size(), " bytes"), tensor.name);
}

// Written piece by piece: a JSON object that keeps its order looks every new key up in all others.
std::string header_of(const std::vector<TensorToWrite>& tensors, const std::map<std::string, std::string>& metadata) {
  using Json = nlohmann::json;
  std::string text = "{";
  try {
    if (!metadata.empty()) text += cat("\"__metadata__\":", Json(metadata).dump(), ",");
    std::uint64_t offset = 0;
    for (const auto& tensor : tensors) {
      text += cat(Json(tensor.name).dump(), ":{\"dtype\":\"", dtype_name(tensor.dtype),
                  "\",\"shape\":", Json(tensor.shape).dump(), ",\"data_offsets\":[", offset, ",",
                  offset + tensor.bytes.size(), "]},");
      offset += tensor.bytes.size();
    }
  } catch (const Json::exception& error) {  // bytes that are no UTF-8
    throw Error(ErrorKind::kUsage, "safetensors_write", cat("names and metadata must be UTF-8: ", error.what()));
  }
  if (text.back() == ',') text.pop_back();
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (text.size() > SafetensorsLimits::kHeaderBytes)
    throw Error(ErrorKind::kUsage, "safetensors_write", cat("the header would have ", text.size(), " bytes"));
  return text;
}

// A file that exists only until it is renamed; removed on every other way out.
class TemporaryFile {
 public:
  explicit TemporaryFile(const fs::path& target)
      : name_(target.string() + cat(".tmp.", ::getpid())),
        fd_(::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)) {
    if (fd_ < 0) fail();
  }
  ~TemporaryFile() {
    if (fd_ >= 0) ::close(fd_);
    if (!name_.empty()) ::unlink(name_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(const void* data, std::size_t size) {
    const char* at = static_cast<const char*>(data);
    while (size > 0) {
      const auto written = ::write(fd_, at, std::min<std::size_t>(size, 1u << 30));
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) fail();
      at += written;
      size -= static_cast<std::size_t>(written);
    }
  }

  void move_to(const fs::path& target) {
    if (::fsync(fd_) != 0 || ::close(std::exchange(fd_, -1)) != 0 || ::rename(name_.c_str(), target.c_str()) != 0)
      fail();
    name_.clear();
    const auto folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
    const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (handle < 0) fail();
    const bool synced = ::fsync(handle) == 0;
    ::close(handle);
    if (!synced) fail();
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(ErrorKind::kEnvironment, "write_failed", cat("cannot be written: ", std::strerror(errno)), name_);
  }

  std::string name_;
  int fd_;
};

}  // namespace

void write_safetensors(const fs::path& path, std::vector<TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata) {
  for (const auto& tensor : tensors) check(tensor);
  if (tensors.size() > SafetensorsLimits::kTensors)
    throw Error(ErrorKind::kUsage, "safetensors_write", cat("more than ", SafetensorsLimits::kTensors, " tensors"));
  std::sort(tensors.begin(), tensors.end(), [](const TensorToWrite& a, const TensorToWrite& b) {
    return a.dtype != b.dtype ? a.dtype > b.dtype : a.name < b.name;
  });
  std::vector<std::string_view> names;
  names.reserve(tensors.size());
  for (const auto& tensor : tensors) names.emplace_back(tensor.name);
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    fail_usage("appears twice", std::string(*twice));

  const auto header = header_of(tensors, metadata);
  const std::uint64_t length = header.size();
  TemporaryFile file(path);
  file.write(&length, sizeof length);
  file.write(header.data(), header.size());
  for (const auto& tensor : tensors) file.write(tensor.bytes.data(), tensor.bytes.size());
  file.move_to(path);
}

}  // namespace frugal::io
