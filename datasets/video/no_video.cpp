// What stands for the reader in a build with FRUGAL_VIDEO=OFF.
#include "core/error.h"
#include "datasets/video/video.h"

namespace frugal::video {

std::unique_ptr<VideoReader> open_video(const std::filesystem::path& path, const ReaderOptions& /*options*/) {
  throw Error(ErrorKind::kEnvironment, "no_video",
              "this build reads no video files: it was configured with FRUGAL_VIDEO=OFF", path.string(),
              "apt-get install libavformat-dev libavcodec-dev libavutil-dev libswscale-dev, then configure with "
              "-DFRUGAL_VIDEO=ON and build again");
}

std::string video_libraries() {
  return "none";
}

void limit_video_allocations(std::size_t /*bytes*/) {}

}  // namespace frugal::video
