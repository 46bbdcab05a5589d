// Weights spread over several files.
#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "core/error.h"
#include "core/io/json_strings.h"
#include "core/io/safetensors.h"
#include "core/io/utf8.h"

namespace frugal::io {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

[[noreturn]] void bad_index(const fs::path& index, const std::string& message) {
  throw Error(ErrorKind::kBadData, "safetensors_index", message, index.string());
}

// A shard is a file of the index's own folder: an index must not reach anywhere else on the disk.
void check_shard_name(const fs::path& index, const std::string& name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos)
    bad_index(index, cat("'", printable(name, 64), "' is not the name of a file in this folder"));
}

// Only the object "weight_map" is kept; anything else is walked over, to a depth of 8.
std::map<std::string, std::string> read_weight_map(const fs::path& index) {
  const auto file = MappedFile::open(index);
  const std::string_view text{reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
  if (text.size() > SafetensorsLimits::kHeaderBytes)
    bad_index(index, cat("the index has ", text.size(), " bytes; the limit is ", SafetensorsLimits::kHeaderBytes));
  if (first_long_string(text)) bad_index(index, cat("a text that does not end within ", kMaxJsonString, " bytes"));
  std::map<std::string, std::string> weight_map;
  std::string section, tensor;
  bool found = false;
  const auto visit = [&](int depth, Json::parse_event_t event, Json& value) {
    using Event = Json::parse_event_t;
    if (depth > 8) bad_index(index, "nested deeper than 8");
    if (event == Event::key && depth == 1) section = value.get<std::string>();
    const bool inside = section == "weight_map";
    if (inside && depth == 1 && event == Event::object_start) found = true;
    if (event == Event::key && depth == 2 && inside) {
      tensor = value.get<std::string>();
      if (weight_map.contains(tensor)) bad_index(index, cat("tensor '", printable(tensor), "' appears twice"));
    }
    const bool entry = event == Event::value || event == Event::object_start || event == Event::array_start;
    if (entry && depth == 2 && inside) {
      if (!value.is_string()) bad_index(index, cat("tensor '", printable(tensor), "': expected a file name"));
      weight_map[tensor] = value.get<std::string>();
    }
    return depth < 2;  // nothing below the sections is kept as a tree
  };
  try {
    const auto tree = Json::parse(text, visit);
    if (!tree.is_object() || !found) bad_index(index, "expected an object with the object 'weight_map'");
  } catch (const Json::exception& error) {
    bad_index(index, cat("not valid JSON: ", printable(error.what())));
  }
  for (const auto& [name, shard] : weight_map) check_shard_name(index, shard);
  return weight_map;
}

fs::path find_weights(const fs::path& path) {
  if (!fs::is_directory(path)) return path;
  for (const char* name : {kSingle, kIndex})
    if (fs::exists(path / name)) return path / name;
  throw Error(ErrorKind::kUsage, "weights_not_found", cat("this folder holds neither ", kSingle, " nor ", kIndex),
              path.string());
}

}  // namespace

SafetensorsModel SafetensorsModel::open(const fs::path& path) {
  const auto weights = find_weights(path);
  const bool sharded = weights.extension() == ".json";
  std::map<std::string, std::string> weight_map;
  std::set<std::string> shards;
  if (sharded) {
    weight_map = read_weight_map(weights);
    for (const auto& [tensor, shard] : weight_map) shards.insert(shard);
  } else {
    shards.insert(weights.filename().string());
  }

  SafetensorsModel model;
  const auto disagree = [&](const std::string& message) {
    throw Error(ErrorKind::kBadData, "safetensors_shards", message, weights.string());
  };
  for (const auto& shard : shards) {
    auto& file = *model.files_.emplace_back(
        std::make_unique<SafetensorsFile>(SafetensorsFile::open(weights.parent_path() / shard)));
    for (const auto& tensor : file.tensors()) {
      if (sharded) {
        const auto listed = weight_map.find(tensor.name);
        if (listed == weight_map.end())
          disagree(cat("'", shard, "' holds '", printable(tensor.name), "', the index does not"));
        if (listed->second != shard)
          disagree(cat("'", printable(tensor.name), "' is in '", printable(shard), "', the index says '",
                       printable(listed->second), "'"));
      }
      model.tensors_.push_back(&tensor);
      model.file_index_.push_back(static_cast<std::uint32_t>(model.files_.size() - 1));
    }
  }
  for (const auto& [tensor, shard] : weight_map)
    if (const auto at = std::distance(shards.begin(), shards.find(shard)); model.files_[at]->find(tensor) == nullptr)
      disagree(cat("'", printable(tensor), "' is not in '", shard, "'"));

  std::vector<std::uint32_t> order(model.tensors_.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(),
            [&](auto a, auto b) { return model.tensors_[a]->name < model.tensors_[b]->name; });
  SafetensorsModel sorted;
  for (const auto i : order) {
    sorted.tensors_.push_back(model.tensors_[i]);
    sorted.file_index_.push_back(model.file_index_[i]);
  }
  sorted.files_ = std::move(model.files_);
  return sorted;
}

const TensorEntry* SafetensorsModel::find(std::string_view name) const {
  const auto at =
      std::lower_bound(tensors_.begin(), tensors_.end(), name,
                       [](const TensorEntry* entry, std::string_view wanted) { return entry->name < wanted; });
  return at != tensors_.end() && (*at)->name == name ? *at : nullptr;
}

std::vector<fs::path> SafetensorsModel::files() const {
  std::vector<fs::path> paths;
  paths.reserve(files_.size());
  for (const auto& file : files_) paths.push_back(file->path());
  return paths;
}

const fs::path& SafetensorsModel::file_of(const TensorEntry& tensor) const {
  const auto at =
      std::lower_bound(tensors_.begin(), tensors_.end(), tensor.name,
                       [](const TensorEntry* entry, const std::string& wanted) { return entry->name < wanted; });
  return files_[file_index_[static_cast<std::size_t>(at - tensors_.begin())]]->path();
}

}  // namespace frugal::io
