// frugal inspect of a video file.
#pragma once

#include <filesystem>
#include <string>

namespace frugal::cli {

bool is_video(const std::filesystem::path& path);
// What the file holds, read by frugal-video in a process of its own; with `decode` every frame is decoded, too.
void inspect_video(const std::filesystem::path& path, bool json, bool decode);
// The libraries that frugal-video loads. Throws Error(environment, "no_video_program") where it does not start.
std::string video_program_libraries();

}  // namespace frugal::cli
