#include "cli/inspect_video.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/error_json.h"
#include "core/io/child_process.h"
#include "core/io/utf8.h"

namespace frugal::cli {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

fs::path video_program() {
  const fs::path path = fs::read_symlink("/proc/self/exe").parent_path() / "frugal-video";
  if (::access(path.c_str(), X_OK) != 0)
    throw Error(ErrorKind::kEnvironment, "no_video_program", "this installation has no program that reads video files",
                path.string(), "scripts/build release");
  return path;
}

// The last value is what it had to say: blanks before it are signs of life.
Json answer_of(const fs::path& path, const io::ChildResult& child) {
  Json answer = Json::parse(child.output, nullptr, false);
  if (child.failure.empty() && answer.is_object()) return answer;
  throw Error(ErrorKind::kBadData, "damaged_video",
              cat("reading it ended with ", child.failure.empty() ? "no answer" : child.failure), path.string(),
              "get the file again, or encode it again with ffmpeg");
}

std::string text_of(const Json& value) {
  return value.is_string() ? io::printable(value.get<std::string>(), 120) : value.dump();
}

void print_line(const std::string& key, const Json& value) {
  std::cout << key << std::string(20 - std::min<std::size_t>(19, key.size()), ' ') << text_of(value) << '\n';
}

void print(const Json& properties) {
  for (const auto& [key, value] : properties.items()) {
    if (value.is_object()) {
      for (const auto& [inner, what] : value.items()) print_line(cat(key, ".", inner), what);
    } else {
      print_line(key, value);
    }
  }
}

}  // namespace

bool is_video(const fs::path& path) {
  constexpr std::array kExtensions = {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"};
  std::string extension = path.extension().string();  // cameras write capitals
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

void inspect_video(const fs::path& path, bool json, bool decode) {
  // It is silent while it reads the file's packets, which takes as long as the disk needs.
  constexpr std::uintmax_t kSlowDisk = std::uintmax_t{10} << 20U;  // bytes a second
  io::ChildLimits limits;
  if (fs::is_regular_file(path)) limits.silence += std::chrono::seconds(fs::file_size(path) / kSlowDisk);
  const io::ChildResult child =
      io::run_child(video_program(), {"inspect", path.string(), decode ? "all" : "first"}, limits);
  const Json answer = answer_of(path, child);
  if (answer.contains("error")) throw error_from_json(answer["error"]);
  const Json& properties = answer.at("properties");
  if (!json) return print(properties);
  std::cout << properties.dump() << '\n';
}

std::string video_program_libraries() {
  const fs::path program = video_program();
  const io::ChildResult child = io::run_child(program, {"version"});
  if (!child.failure.empty())
    throw Error(ErrorKind::kEnvironment, "no_video_program", cat("it does not start: ", child.failure),
                program.string(), "scripts/setup && scripts/build release");
  return child.output.substr(0, child.output.find('\n'));
}

}  // namespace frugal::cli
