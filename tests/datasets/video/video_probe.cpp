// Calls the reader for the Python tests: video_probe FILE [threads=N] [damage=count] [rotation=off] STEP...
//   next seek:I time:S   the frame that comes then, as JSON: index, time, height, width, sha256
//   rest                 all frames that are left
//   raw:FILE             all frames that are left, RGB, to FILE
//   choose:TEXT          indices of chosen_frames()
//   read:TEXT            the chosen frames, by read_frames()
//   properties faults    as JSON
// One JSON value a line on stdout; an error is {"error": code, "message": ..., "where": ...}, and the end.
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <span>

#include "core/error.h"
#include "core/io/checksum.h"
#include "datasets/video/frame_choice.h"
#include "datasets/video/video.h"

namespace {

using namespace frugal;
using Json = nlohmann::ordered_json;

Json frame_json(const video::Frame& frame) {
  return {{"index", frame.index},
          {"time", frame.time_s},
          {"height", frame.height},
          {"width", frame.width},
          {"sha256", io::sha256(std::as_bytes(std::span(frame.rgb)))}};
}

void say(const Json& value) {
  std::cout << value.dump() << '\n';
}

void rest(video::VideoReader& reader) {
  while (const auto frame = reader.next()) say(frame_json(*frame));
}

void raw(video::VideoReader& reader, const std::string& path) {
  std::ofstream out(path, std::ios::binary);
  while (const auto frame = reader.next())
    out.write(reinterpret_cast<const char*>(frame->rgb.data()), static_cast<std::streamsize>(frame->rgb.size()));
}

void step(video::VideoReader& reader, const std::string& word) {
  const auto colon = word.find(':');
  const std::string verb = word.substr(0, colon), rest_of = colon == word.npos ? "" : word.substr(colon + 1);
  const auto& p = reader.properties();
  const auto chosen = [&] { return video::chosen_frames(video::parse_frame_choice(rest_of), p, reader.times()); };
  if (verb == "rest") return rest(reader);
  if (verb == "raw") return raw(reader, rest_of);
  if (verb == "choose") return say(chosen());
  if (verb == "read") {
    for (const auto& frame : video::read_frames(reader, chosen())) say(frame_json(frame));
    return;
  }
  if (verb == "properties")
    return say({{"width", p.width},
                {"height", p.height},
                {"frames", p.frames},
                {"codec", p.codec},
                {"pixel_format", p.pixel_format},
                {"matrix", p.matrix},
                {"matrix_tagged", p.matrix_tagged},
                {"full_range", p.full_range},
                {"average_rate", p.average_rate.value()},
                {"variable_rate", p.variable_rate},
                {"start", p.start_s},
                {"duration", p.duration_s},
                {"rotation", p.rotation_degrees},
                {"key_frames", p.key_frames}});
  if (verb == "faults") {
    const auto& f = reader.faults();
    return say({{"packets", f.damaged_packets},
                {"frames", f.damaged_frames},
                {"missing", f.missing_frames},
                {"first", f.first}});
  }
  if (verb == "seek") reader.seek_frame(std::stoll(rest_of));
  if (verb == "time") reader.seek_time(std::stod(rest_of));
  const auto frame = reader.next();
  say(frame ? frame_json(*frame) : Json());
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 2, argv + argc), steps;
  video::ReaderOptions options;
  for (const std::string& word : words) {
    if (word.starts_with("threads="))
      options.threads = std::stoi(word.substr(8));
    else if (word == "damage=count")
      options.damage = video::Damage::kCount;
    else if (word == "rotation=off")
      options.apply_rotation = false;
    else
      steps.push_back(word);
  }
  try {
    const auto reader = video::open_video(argv[1], options);
    for (const std::string& word : steps) step(*reader, word);
  } catch (const Error& error) {
    say({{"error", error.code()},
         {"kind", name(error.kind())},
         {"message", error.message()},
         {"where", error.where()}});
  }
  return 0;
}
