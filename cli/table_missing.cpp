#include "cli/table_missing.h"

#include <filesystem>
#include <functional>
#include <map>
#include <vector>

#include "core/error.h"
#include "core/io/resources.h"
#include "datasets/documents.h"
#include "datasets/multiple_choice/benchmarks.h"
#include "experiments/data_root.h"

namespace frugal::cli {
namespace {

namespace fs = std::filesystem;
using report::CellStatus;

std::string with_hint(const Error& error) {
  return error.hint().empty() ? error.message() : cat(error.message(), ": ", error.hint());
}

// What `look` throws of an input that is not there; other errors are the run's to tell.
std::optional<Missing> missing(const std::function<void()>& look) {
  try {
    look();
  } catch (const Error& error) {
    const CellStatus status = report::status_of_error(error.code());
    if (status == CellStatus::kNeedsWeights || status == CellStatus::kNeedsData)
      return Missing{.status = status, .reason = with_hint(error)};
  }
  return std::nullopt;
}

std::optional<Missing> missing_model(const Json& config, const char* key) {
  const Json* path = options_detail::find(config, key);
  if (path == nullptr || !path->is_string()) return std::nullopt;
  return missing([&] { io::model_path(path->get<std::string>()); });
}

// A set is read once, whatever the number of runs that score it.
std::optional<Missing> missing_set(const std::string& id, const std::function<void()>& read) {
  static std::map<std::string, std::optional<Missing>> known;
  const auto [found, is_new] = known.try_emplace(id);
  if (is_new) found->second = missing(read);
  return found->second;
}

std::optional<Missing> missing_files(const Json& dataset, const std::string& key, bool required) {
  const Json files = dataset.value(key, Json::array());
  if (required && files.empty())
    return Missing{.status = CellStatus::kNeedsData, .reason = cat("dataset.", key, " names no file"), .files = key};
  for (const Json& file : files)
    if (file.is_string() && !fs::exists(file.get<std::string>()))
      return Missing{.status = CellStatus::kNeedsData,
                     .reason = cat("there is no file ", file.get<std::string>(), " (dataset.", key, ")"),
                     .files = key};
  return std::nullopt;
}

std::optional<Missing> missing_dataset(const Json& config) {
  const auto found = config.find("dataset");
  if (found == config.end() || !found->is_object()) return std::nullopt;
  const Json& dataset = *found;
  const std::string root = data_root(config);
  const auto text = [&](const char* key) { return dataset.value(key, std::string()); };
  const std::string name = text("name");
  if (name == "multiple_choice")
    return missing_set(cat(root, "\n", text("benchmark"), "\n", text("split")), [&] {
      datasets::load_multiple_choice(
          {.root = root, .benchmark = text("benchmark"), .split = text("split"), .prompt = text("prompt")});
    });
  if (name == "wikitext")
    return missing_set(cat(root, "\n", text("variant"), "\n", text("split")),
                       [&] { datasets::load_wikitext(root, text("variant"), text("split")); });
  if (name != "text" && name != "preferences") return std::nullopt;
  if (auto files = missing_files(dataset, "files", true)) return files;
  return missing_files(dataset, "eval_files", name == "preferences");
}

}  // namespace

std::optional<Missing> missing_inputs(const Json& config) {
  std::vector<std::optional<Missing>> found;
  for (const char* key : {"model.path", "model.tokenizer", "experiment.teacher.path"})
    found.push_back(missing_model(config, key));
  found.push_back(missing_dataset(config));
  std::optional<Missing> all;
  for (const auto& one : found) {
    if (!one) continue;
    if (!all) {
      all = one;
    } else if (all->reason != one->reason) {
      all->reason += "; and " + one->reason;
      all->files = one->files;
    }
  }
  return all;
}

}  // namespace frugal::cli
