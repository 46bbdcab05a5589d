// Which frames of a video a model gets to see.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "datasets/video/video.h"

namespace frugal::video {

struct FrameChoice {
  enum class Kind {
    kAll,
    kUniform,    // `number` frames from the first to the last: numpy.linspace(0, frames - 1, number, dtype=int), as
                 // LLaVA's loaders take them; frames repeat where there are fewer
    kRate,       // `number` frames a second by the frames' times: at start + k / number the frame that is shown then.
                 // Right for every file, variable rates included
    kIndexRate,  // `number` frames a second by counting: range(0, frames, int(round(average_rate) / number)), as ReKV's
                 // and STC's loader does. At 29.97 frames a second it takes every 30th, and on a variable rate it keeps
                 // no rate at all: for equality with published figures only
  };
  Kind kind = Kind::kAll;
  double number = 0;
};

// all | uniform:N | fps:F | index_fps:F. Error(kUsage, "bad_frame_choice").
FrameChoice parse_frame_choice(std::string_view text);

// Indices for read_frames(), ascending. `times` as VideoReader::times(). Error(kUsage, "bad_frame_choice") where the
// file has no rate to count by, or a lower one than is asked for (kIndexRate).
std::vector<std::int64_t> chosen_frames(const FrameChoice& choice, const Properties& properties,
                                        const std::vector<double>& times);

}  // namespace frugal::video
