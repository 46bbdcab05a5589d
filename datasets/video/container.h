// The outermost structure of a video file, checked before FFmpeg sees it: FFmpeg reads a file that was cut short as a
// shorter one and says nothing.
#pragma once

#include <filesystem>

namespace frugal::video {

// Throws Error(kBadData): "not_a_video" for what is no MP4/MOV, Matroska/WebM or AVI, "truncated_video" for a box or
// chunk that goes on past the end of the file, "damaged_video" for one that cannot be. Reads headers only.
void check_container(const std::filesystem::path& path);

}  // namespace frugal::video
