#include <cstdio>
#include <span>
#include <string>

namespace frugal::cli {

int version_command(std::span<const std::string> /*args*/) {
  std::puts("frugal " FRUGAL_VERSION);
  std::puts("video: " FRUGAL_VIDEO_LIBRARIES);
  return 0;
}

}  // namespace frugal::cli
