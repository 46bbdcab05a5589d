// Video files, read frame by frame, exactly: which frame, shown when, and the same bytes every time.
//
// Files come from strangers. Only MP4/MOV, Matroska/WebM and AVI are opened, from the local disk, and whatever is wrong
// with one is an Error(kBadData) that names the file and the frame or byte; see docs/video.md for the codes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace frugal::video {

// What to do about frames that do not decode as they should.
// A container whose structure is broken or cut short is refused either way.
enum class Damage {
  kRefuse,  // the first one is an Error(kBadData)
  kCount,   // it is left out, or given as the decoder conceals it, and counted in VideoReader::faults()
};

struct ReaderOptions {
  int threads = 1;  // of the decoder, 1..64; frames do not depend on it
  Damage damage = Damage::kRefuse;
  bool apply_rotation = true;                          // turn frames as the file says that they are to be shown
  std::int64_t max_pixels = std::int64_t{1} << 26U;    // of a frame; larger ones are refused before they are allocated
  std::int64_t max_frames = std::int64_t{10'000'000};  // of a file
};

struct Rational {
  std::int64_t numerator = 0;
  std::int64_t denominator = 1;
  double value() const { return static_cast<double>(numerator) / static_cast<double>(denominator); }
};

struct Properties {
  std::filesystem::path path;
  std::string container;  // FFmpeg's name of the demuxer, e.g. "mov,mp4,m4a,3gp,3g2,mj2"
  std::string codec;      // e.g. "h264"
  int width = 0;          // pixels, as coded: before rotation
  int height = 0;
  std::string pixel_format;  // e.g. "yuv420p"
  // YCbCr to RGB: "bt601", "bt709", "bt2020", "smpte240m", "fcc", or "rgb" where there is nothing to convert. An
  // untagged file is taken as bt601 with limited range, as FFmpeg and the readers built on it do, whatever its size.
  std::string matrix;
  bool matrix_tagged = false;
  bool full_range = false;
  std::int64_t frames = 0;  // counted from the packets of the whole file, hidden frames left out
  Rational time_base;       // seconds a tick
  Rational average_rate;    // frames a second, as the container states or FFmpeg estimates it; 0 where unknown
  bool variable_rate = false;
  double start_s = 0;        // when the first frame is shown, by the file's clock
  double duration_s = 0;     // from the first frame to the end of the last
  int rotation_degrees = 0;  // clockwise, 0..359: how a player turns the frames
  std::int64_t key_frames = 0;
};

struct Frame {
  std::int64_t index = 0;  // in the order in which frames are shown
  double time_s = 0;       // when it is shown, by the file's clock
  int height = 0;
  int width = 0;
  std::vector<std::uint8_t> rgb;  // [height, width, 3], 0..255
};

// Each time that a frame is met: going back and reading it again counts it again.
struct Faults {
  std::int64_t damaged_packets = 0;  // refused by the decoder
  std::int64_t damaged_frames = 0;   // given, with parts that the decoder made up
  std::int64_t missing_frames = 0;   // in the file, and not given
  std::string first;                 // what the first of them was
  bool any() const { return damaged_packets + damaged_frames + missing_frames > 0; }
};

// One pass over a file. Not for use by several threads at once.
class VideoReader {
 public:
  virtual ~VideoReader() = default;
  VideoReader() = default;
  VideoReader(const VideoReader&) = delete;
  VideoReader& operator=(const VideoReader&) = delete;

  virtual const Properties& properties() const = 0;
  // When each frame is shown, by the file's clock, in seconds, ascending: [frames].
  virtual const std::vector<double>& times() const = 0;
  // The next frame in the order in which they are shown; nothing after the last.
  virtual std::optional<Frame> next() = 0;
  // next() gives this frame, 0 <= index < frames: decoded from a key frame before it, so equal to what reading from the
  // start gives. Error(kUsage, "bad_frame").
  virtual void seek_frame(std::int64_t index) = 0;
  // next() gives the frame shown at this time of the file's clock. Error(kUsage, "bad_time") before the first or after
  // the end of the last.
  virtual void seek_time(double seconds) = 0;
  virtual const Faults& faults() const = 0;
};

// Reads the packets of the whole file once, for the times of its frames, and decodes the first frame.
// Error(kUsage, "file_not_found"), Error(kBadData), Error(kEnvironment, "no_video") in a build without FFmpeg.
std::unique_ptr<VideoReader> open_video(const std::filesystem::path& path, const ReaderOptions& options = {});

// The frames of these indices, in their order, which may repeat and go back.
std::vector<Frame> read_frames(VideoReader& reader, const std::vector<std::int64_t>& indices);

// The libraries that read, with their versions; "none" in a build without them.
std::string video_libraries();
// No single allocation of FFmpeg's in this process may be larger.
void limit_video_allocations(std::size_t bytes);

}  // namespace frugal::video
