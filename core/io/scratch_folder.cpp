#include "core/io/scratch_folder.h"

#include <stdlib.h>

#include <cerrno>

#include "core/io/file.h"

namespace frugal::io {

namespace fs = std::filesystem;

ScratchFolder::ScratchFolder() {
  std::string name = (fs::temp_directory_path() / "frugal-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw_errno(errno, "make a temporary folder", name);
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;  // the system cleans its temporary folder
  fs::remove_all(path_, ignored);
}

}  // namespace frugal::io
