// frugal-video: the program that reads strangers' video files for `frugal`, under limits. FFmpeg's 90 shared libraries
// take longer to load than the front end takes to answer, and its decoders were not all written for hostile files.
//   frugal-video inspect FILE PICTURES    one JSON value: {"properties": {...}} or {"error": {...}}
//                                         PICTURES: first | all
//   frugal-video version                  the libraries
#include <chrono>
#include <cstdio>
#include <iostream>
#include <new>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "core/error_json.h"
#include "core/io/checksum.h"
#include "core/io/child_process.h"
#include "datasets/video/video.h"

namespace frugal::video {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kAddressSpace = std::uint64_t{2} << 30U;
constexpr std::size_t kAllocation = std::size_t{256} << 20U;  // frames of 8192 x 8192 pixels, 10 bits, fit

Json rational_json(const Rational& value) {
  return cat(value.numerator, "/", value.denominator);
}

Json properties_json(const Properties& p) {
  return {{"type", "video"},
          {"path", p.path.string()},
          {"container", p.container},
          {"codec", p.codec},
          {"width", p.width},
          {"height", p.height},
          {"rotation_degrees", p.rotation_degrees},
          {"pixel_format", p.pixel_format},
          {"matrix", p.matrix},
          {"matrix_tagged", p.matrix_tagged},
          {"full_range", p.full_range},
          {"frames", p.frames},
          {"key_frames", p.key_frames},
          {"time_base", rational_json(p.time_base)},
          {"average_rate", rational_json(p.average_rate)},
          {"variable_rate", p.variable_rate},
          {"start_s", p.start_s},
          {"duration_s", p.duration_s}};
}

// Decodes every frame. A blank a second tells the parent, which reads JSON, that this is alive.
Json read_all(VideoReader& reader) {
  using Clock = std::chrono::steady_clock;
  auto told = Clock::now();
  io::Sha256 hash;
  std::int64_t frames = 0;
  for (; const auto frame = reader.next(); ++frames) {
    hash.update(std::as_bytes(std::span(frame->rgb)));
    if (Clock::now() - told < std::chrono::seconds(1)) continue;
    std::cout << ' ' << std::flush;
    told = Clock::now();
  }
  return {{"frames", frames}, {"rgb_sha256", hash.hex()}};
}

Json inspect(const std::string& path, bool all) {
  const auto reader = open_video(path, {.apply_rotation = false});
  Json properties = properties_json(reader->properties());
  if (all) properties["decoded"] = read_all(*reader);
  return {{"properties", std::move(properties)}};
}

}  // namespace

int main_of(const std::vector<std::string>& args) {
  if (args == std::vector<std::string>{"version"}) {
    std::cout << video_libraries() << '\n';
    return 0;
  }
  if (args.size() != 3 || args[0] != "inspect") {
    std::cerr << "frugal-video: started by `frugal inspect FILE`, which is what you want\n";
    return exit_code(ErrorKind::kUsage);
  }
  Json answer;
  try {
    io::limit_this_process({.memory_bytes = kAddressSpace});
    limit_video_allocations(kAllocation);
    answer = inspect(args[1], args[2] == "all");
  } catch (const Error& error) {
    answer["error"] = error_json(error);
  } catch (const std::bad_alloc&) {
    answer["error"] = error_json(
        Error(ErrorKind::kBadData, "video_too_large", "reading it takes more memory than is allowed", args[1]));
  }
  std::cout << answer.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
  return std::cout ? 0 : exit_code(ErrorKind::kEnvironment);
}

}  // namespace frugal::video

int main(int argc, char** argv) {
  return frugal::video::main_of({argv + 1, argv + argc});
}
