// When each frame of a file is shown, and from which packets it can be decoded: read from all packets, decoding
// nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "datasets/video/demuxer.h"

namespace frugal::video {

struct KeyPacket {
  std::int64_t shown = 0;  // ticks of the stream's time base
  std::int64_t decoded = 0;
};

struct FrameTable {
  std::vector<std::int64_t> shown;  // ticks, ascending, one a frame
  std::vector<KeyPacket> keys;      // in the order of the file
  // False where the container keeps the order of decoding only (AVI with frames that refer to later ones): a frame then
  // cannot be told by its time, and its index is counted.
  bool exact_times = true;
  std::int64_t end = 0;  // ticks, when the last frame ends
  std::int64_t duration() const { return end - shown.front(); }
  // True where the spacing of frames differs by more than one tick of a millisecond or finer, which is rounding.
  bool variable_rate(double seconds_a_tick) const;
};

// Reads the demuxer, fresh from opening, to its end. Throws Error(kBadData): "no_frames", "no_key_frame" (unless damage
// is counted), "video_too_large", and what Demuxer::read() throws.
FrameTable read_frame_table(Demuxer& demuxer, const ReaderOptions& options);

}  // namespace frugal::video
