#include <algorithm>
#include <cmath>

extern "C" {
#include <libavutil/display.h>
#include <libavutil/pixdesc.h>
}

#include "datasets/video/container.h"
#include "datasets/video/decoder.h"
#include "datasets/video/rgb_converter.h"
#include "datasets/video/video.h"

namespace frugal::video {
namespace {

Rational rational(AVRational value) {
  return {.numerator = value.num, .denominator = value.den == 0 ? 1 : value.den};
}

// FFmpeg has the angle counter-clockwise, in (-180, 180], not a number where the matrix is none.
int rotation_of(const AVStream& stream) {
  std::size_t bytes = 0;
  const auto* matrix = av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, &bytes);
  if (matrix == nullptr || bytes < 9 * sizeof(std::int32_t)) return 0;
  const double angle = av_display_rotation_get(reinterpret_cast<const std::int32_t*>(matrix));
  if (!std::isfinite(angle)) return 0;
  return (static_cast<int>(std::lround(-angle)) % 360 + 360) % 360;
}

// Colours as the decoder tags its pictures: a stream's own tags count, the container's where it has none.
Properties properties_of(const std::filesystem::path& path, const Demuxer& demuxer, const FrameTable& table,
                         const AVFrame& picture) {
  const AVStream& stream = demuxer.stream();
  const auto format = static_cast<AVPixelFormat>(picture.format);
  const char* format_name = av_get_pix_fmt_name(format);
  const Colours colours = colours_of(path.string(), format, picture.colorspace, picture.color_range);
  const double tick = av_q2d(stream.time_base);
  return {.path = path,
          .container = demuxer.container().iformat->name,
          .codec = avcodec_get_name(stream.codecpar->codec_id),
          .width = picture.width,
          .height = picture.height,
          .pixel_format = format_name == nullptr ? "" : format_name,
          .matrix = colours.name,
          .matrix_tagged = colours.tagged,
          .full_range = colours.full_range,
          .frames = static_cast<std::int64_t>(table.shown.size()),
          .time_base = rational(stream.time_base),
          .average_rate = rational(stream.avg_frame_rate),
          .variable_rate = table.variable_rate(tick),
          .start_s = static_cast<double>(table.shown.front()) * tick,
          .duration_s = static_cast<double>(table.duration()) * tick,
          .rotation_degrees = rotation_of(stream),
          .key_frames = static_cast<std::int64_t>(table.keys.size())};
}

class FileReader : public VideoReader {
 public:
  FileReader(const std::filesystem::path& path, const ReaderOptions& options) : rgb_(path.string()) {
    Demuxer demuxer(path, options);
    table_ = read_frame_table(demuxer, options);
    decoder_.emplace(path, options, table_);
    properties_ = properties_of(path, demuxer, table_, decoder_->first());
    if (options.apply_rotation) rotation_ = properties_.rotation_degrees;
    if (rotation_ % 90 != 0)
      throw Error(ErrorKind::kBadData, "unsupported_rotation",
                  cat("its frames are to be turned by ", rotation_, " degrees; right angles are expected"),
                  path.string(), "ReaderOptions::apply_rotation = false reads them as they are coded");
    const double tick = properties_.time_base.value();
    times_.reserve(table_.shown.size());
    for (const std::int64_t shown : table_.shown) times_.push_back(static_cast<double>(shown) * tick);
  }

  const Properties& properties() const override { return properties_; }
  const std::vector<double>& times() const override { return times_; }
  const Faults& faults() const override { return decoder_->faults(); }

  std::optional<Frame> next() override {
    const AVFrame* picture = decoder_->next();
    if (picture == nullptr) return std::nullopt;
    Frame frame{.index = decoder_->index(), .time_s = times_[static_cast<std::size_t>(decoder_->index())]};
    rgb_.convert(*picture, rotation_, frame);
    return frame;
  }

  void seek_frame(std::int64_t index) override {
    if (index < 0 || index >= properties_.frames)
      throw Error(ErrorKind::kUsage, "bad_frame", cat("there is no frame ", index, " of ", properties_.frames),
                  properties_.path.string(), "frames count from 0 on");
    decoder_->seek(index);
  }

  void seek_time(double seconds) override {
    constexpr double kSameInstant = 1e-9;  // seconds, of rounding
    const double end = properties_.start_s + properties_.duration_s;
    if (!(seconds >= times_.front() - kSameInstant) || seconds >= end)
      throw Error(
          ErrorKind::kUsage, "bad_time",
          cat("no frame is shown at ", seconds, " s: the video goes from ", times_.front(), " s to ", end, " s"),
          properties_.path.string());
    const auto after = std::upper_bound(times_.begin(), times_.end(), seconds + kSameInstant);
    seek_frame(after - times_.begin() - 1);
  }

 private:
  Properties properties_;
  FrameTable table_;
  std::vector<double> times_;
  int rotation_ = 0;
  std::optional<Decoder> decoder_;
  RgbConverter rgb_;
};

}  // namespace

std::unique_ptr<VideoReader> open_video(const std::filesystem::path& path, const ReaderOptions& options) {
  if (options.threads < 1 || options.threads > 64)
    throw Error(ErrorKind::kUsage, "bad_value",
                cat("expected 1 to 64 threads of the decoder, found ", options.threads));
  catch_complaints();
  check_container(path);
  return std::make_unique<FileReader>(path, options);
}

}  // namespace frugal::video
