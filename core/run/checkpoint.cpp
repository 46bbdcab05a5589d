#include "core/run/checkpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/io/checksum.h"
#include "core/io/fault.h"
#include "core/io/file.h"
#include "core/io/mapped_file.h"
#include "core/log.h"

namespace frugal::run {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kPrefix = "step-";
constexpr std::string_view kManifest = "manifest.json";

std::string hash_file(const fs::path& path) {
  return io::sha256(io::MappedFile::open(path).bytes());
}

// Hashes and syncs what the writer made.
json take_stock(const fs::path& folder) {
  json files = json::object();
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_regular_file())
      throw Error(ErrorKind::kUsage, "bad_checkpoint", "a checkpoint holds plain files only", entry.path().string());
    files[entry.path().filename().string()] = {{"bytes", entry.file_size()}, {"sha256", hash_file(entry.path())}};
    const io::Fd fd = io::open_file(entry.path(), O_RDONLY);
    io::sync_file(fd.get(), entry.path());
  }
  return files;
}

struct RemoveFolder {
  fs::path path;
  ~RemoveFolder() {
    std::error_code ignored;  // what stays is swept by the next save
    fs::remove_all(path, ignored);
  }
};

[[noreturn]] void damaged(const fs::path& path, const std::string& why) {
  throw Error(ErrorKind::kBadData, "damaged_checkpoint", why, path.string());
}

}  // namespace

fs::path CheckpointStore::path_of(std::int64_t step) const {
  char digits[32];
  std::snprintf(digits, sizeof digits, "%012lld", static_cast<long long>(step));
  return folder_ / (std::string(kPrefix) + digits);
}

std::vector<std::int64_t> CheckpointStore::steps() const {
  std::vector<std::int64_t> steps;
  if (!fs::exists(folder_)) return steps;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    std::int64_t step = 0;
    if (!name.starts_with(kPrefix)) continue;
    const auto [end, error] = std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), step);
    if (error == std::errc{} && end == name.data() + name.size()) steps.push_back(step);
  }
  std::sort(steps.rbegin(), steps.rend());
  return steps;
}

std::int64_t CheckpointStore::save(std::int64_t step, const std::string& metadata,
                                   const std::function<void(const fs::path&)>& write) const {
  const auto start = std::chrono::steady_clock::now();
  fs::create_directories(folder_);
  const RemoveFolder temporary{folder_ / cat("tmp-", ::getpid())};
  fs::remove_all(temporary.path);
  fs::create_directory(temporary.path);
  write(temporary.path);
  fault::point("checkpoint.write");
  const json manifest = {{"step", step}, {"metadata", metadata}, {"files", take_stock(temporary.path)}};
  io::write_atomic(temporary.path / kManifest,
                   manifest.dump(1, ' ', false, json::error_handler_t::replace) + "\n");  // syncs the folder, too
  fault::point("checkpoint.publish");
  const fs::path path = path_of(step);
  fs::remove_all(path);
  fs::rename(temporary.path, path);
  io::sync_folder(folder_);
  const auto all = steps();
  for (std::size_t i = std::max<std::size_t>(keep_, 1); i < all.size(); ++i) fs::remove_all(path_of(all[i]));
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - start).count();
}

Checkpoint CheckpointStore::load(std::int64_t step) const {
  const fs::path path = path_of(step);
  if (!fs::exists(path / kManifest))
    throw Error(ErrorKind::kBadData, "missing_checkpoint", cat("there is no checkpoint of step ", step), path.string());
  const json manifest = json::parse(io::read_file(path / kManifest, 16U << 20U), nullptr, false);
  if (!manifest.is_object() || !manifest.contains("files") || !manifest["files"].is_object() ||
      !manifest.contains("metadata") || !manifest["metadata"].is_string())
    damaged(path / kManifest, "the manifest cannot be read");
  for (const auto& [name, facts] : manifest["files"].items()) {
    const fs::path file = path / fs::path(name).filename();
    std::error_code none;
    if (!facts.is_object() || !fs::is_regular_file(file, none)) damaged(file, "a file of the checkpoint is missing");
    if (facts.value("bytes", std::uintmax_t{0}) != fs::file_size(file) || facts.value("sha256", "") != hash_file(file))
      damaged(file, "a file of the checkpoint does not have the content that was written");
  }
  return {.step = step, .folder = path, .metadata = manifest["metadata"].get<std::string>()};
}

std::optional<Checkpoint> CheckpointStore::load_latest() const {
  for (const std::int64_t step : steps()) {
    try {
      return load(step);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kBadData) throw;
      log::warning("going back to an older checkpoint: ", error.what());
    }
  }
  return std::nullopt;
}

}  // namespace frugal::run
