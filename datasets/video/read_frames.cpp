#include "core/error.h"
#include "datasets/video/video.h"

namespace frugal::video {

std::vector<Frame> read_frames(VideoReader& reader, const std::vector<std::int64_t>& indices) {
  std::vector<Frame> frames;
  for (const std::int64_t index : indices) {
    if (!frames.empty() && frames.back().index == index) {
      frames.push_back(frames.back());
      continue;
    }
    reader.seek_frame(index);
    auto frame = reader.next();
    if (!frame || frame->index != index)
      throw Error(ErrorKind::kBadData, "frame_missing", cat("frame ", index, " does not decode"),
                  reader.properties().path.string(), "leave it out of the choice of frames");
    frames.push_back(std::move(*frame));
  }
  return frames;
}

}  // namespace frugal::video
