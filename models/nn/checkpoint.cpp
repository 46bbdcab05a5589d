#include "models/nn/checkpoint.h"

#include <cstdio>
#include <regex>

#include "core/error.h"
#include "core/io/file.h"
#include "models/nn/tensor_io.h"

namespace frugal {
namespace {

namespace fs = std::filesystem;
constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

std::vector<std::vector<NamedTensor>> split(const std::vector<NamedTensor>& tensors, int64_t most) {
  std::vector<std::vector<NamedTensor>> shards(1);
  int64_t bytes = 0;
  for (const NamedTensor& tensor : tensors) {
    const auto size = static_cast<int64_t>(tensor.value.nbytes());
    if (!shards.back().empty() && bytes + size > most) {
      shards.emplace_back();
      bytes = 0;
    }
    shards.back().push_back(tensor);
    bytes += size;
  }
  return shards;
}

std::string shard_name(size_t index, size_t count) {
  char name[64];
  std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", index + 1, count);
  return name;
}

// What a former model left: readers would take it, or refuse the folder.
void remove_others(const fs::path& folder, const std::vector<std::string>& kept) {
  static const std::regex ours(R"(model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?)");
  std::vector<fs::path> stale;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (std::regex_match(name, ours) && std::find(kept.begin(), kept.end(), name) == kept.end())
      stale.push_back(entry.path());
  }
  for (const fs::path& path : stale) fs::remove(path);
}

std::string dtype_of(const std::vector<NamedTensor>& tensors) {
  for (const NamedTensor& tensor : tensors) {
    if (tensor.value.scalar_type() == at::kBFloat16) return "bfloat16";
    if (tensor.value.scalar_type() == at::kHalf) return "float16";
    if (tensor.value.scalar_type() == at::kDouble) return "float64";
    if (tensor.value.is_floating_point()) return "float32";
  }
  return "float32";
}

}  // namespace

void save_checkpoint(const fs::path& folder, const std::vector<NamedTensor>& tensors, Json config, int64_t shard_bytes,
                     const std::map<std::string, Json>& more) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (!fs::is_directory(folder))
    throw Error(ErrorKind::kUsage, "bad_inputs", "this folder cannot be made", folder.string(), failed.message());
  const auto shards = split(tensors, shard_bytes);
  std::vector<std::string> files;
  if (shards.size() == 1) {
    files = {kSingle};
    save_tensors(folder / kSingle, shards.front());
  } else {
    Json map = Json::object();
    int64_t total = 0;
    for (size_t i = 0; i < shards.size(); ++i) {
      files.push_back(shard_name(i, shards.size()));
      save_tensors(folder / files.back(), shards[i]);
      for (const NamedTensor& tensor : shards[i]) {
        map[tensor.name] = files.back();
        total += static_cast<int64_t>(tensor.value.nbytes());
      }
    }
    io::write_atomic(folder / kIndex, Json{{"metadata", {{"total_size", total}}}, {"weight_map", map}}.dump(2) + "\n");
    files.emplace_back(kIndex);
  }
  remove_others(folder, files);
  for (const auto& [name, json] : more) io::write_atomic(folder / name, json.dump(2) + "\n");
  config.erase("torch_dtype");
  config["dtype"] = dtype_of(tensors);
  io::write_atomic(folder / "config.json", config.dump(2) + "\n");
}

}  // namespace frugal
