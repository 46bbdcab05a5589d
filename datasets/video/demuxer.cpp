#include "datasets/video/demuxer.h"

#include <vector>

namespace frugal::video {
namespace {

// FFmpeg's other demuxers read play lists, which name further files and addresses.
constexpr const char* kContainers = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi";

class Options {
 public:
  ~Options() { av_dict_free(&dictionary_); }
  Options() = default;
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;
  void set(const char* key, const std::string& value) { av_dict_set(&dictionary_, key, value.c_str(), 0); }
  AVDictionary** get() { return &dictionary_; }

 private:
  AVDictionary* dictionary_ = nullptr;
};

}  // namespace

Demuxer::Demuxer(const std::filesystem::path& path, const ReaderOptions& options) : path_(path.string()) {
  Options settings;
  settings.set("format_whitelist", kContainers);
  settings.set("protocol_whitelist", "file");
  AVFormatContext* opened = nullptr;
  take_complaint();
  const int failed = avformat_open_input(&opened, ("file:" + path_).c_str(), nullptr, settings.get());
  container_.reset(opened);
  if (failed < 0) throw damaged(path_, cat("the container cannot be read: ", failure_text(failed, take_complaint())));
  const int index = av_find_best_stream(container_.get(), AVMEDIA_TYPE_VIDEO, -1, -1, nullptr, 0);
  if (index < 0)
    throw Error(ErrorKind::kBadData, "no_video_stream",
                cat("none of its ", container_->nb_streams, " streams is video"), path_);
  stream_ = container_->streams[index];
  for (unsigned i = 0; i < container_->nb_streams; ++i)
    if (container_->streams[i] != stream_) container_->streams[i]->discard = AVDISCARD_ALL;
  check_size(options);
  decoder_ = avcodec_find_decoder(stream_->codecpar->codec_id);
  if (decoder_ == nullptr)
    throw Error(ErrorKind::kBadData, "unsupported_codec",
                cat("FFmpeg has no decoder here for '", avcodec_get_name(stream_->codecpar->codec_id), "'"), path_,
                "encode it again, e.g. ffmpeg -i IN -c:v libx264 OUT.mp4");
  probe(options);
  check_size(options);
}

void Demuxer::check_size(const ReaderOptions& options) const {
  const auto& codec = *stream_->codecpar;
  const std::int64_t pixels = std::int64_t{codec.width} * codec.height;
  if (codec.width < 0 || codec.height < 0 || pixels > options.max_pixels)
    throw Error(ErrorKind::kBadData, "video_too_large",
                cat("frames of ", codec.width, " x ", codec.height, " pixels; at most ", options.max_pixels,
                    " pixels are read"),
                path_, "scale it down, e.g. ffmpeg -i IN -vf scale=1920:-2 OUT.mp4");
}

// Reads some packets and decodes a frame or more of them, to learn what headers leave open (pixel format, rate, delay).
void Demuxer::probe(const ReaderOptions& options) {
  std::vector<AVDictionary*> codecs(container_->nb_streams, nullptr);
  for (auto& settings : codecs) {
    av_dict_set_int(&settings, "max_pixels", options.max_pixels, 0);
    av_dict_set(&settings, "threads", "1", 0);
  }
  const int failed = avformat_find_stream_info(container_.get(), codecs.data());
  for (auto& settings : codecs) av_dict_free(&settings);
  if (failed < 0) throw damaged(path_, cat("the streams cannot be read: ", failure_text(failed, take_complaint())));
  take_complaint();
}

bool Demuxer::read(AVPacket& packet) {
  while (true) {
    av_packet_unref(&packet);
    take_complaint();
    const int failed = av_read_frame(container_.get(), &packet);
    const std::int64_t byte = container_->pb == nullptr ? -1 : avio_tell(container_->pb);
    const int io = container_->pb == nullptr ? 0 : container_->pb->error;
    if (failed == AVERROR_EOF && io == 0) {
      // Matroska's demuxer takes an error for the end of the file, and only complains.
      const std::string complaint = take_complaint();
      if (complaint.empty()) return false;
      throw damaged(path_, cat("near byte ", byte, ": ", complaint));
    }
    if (failed < 0)
      throw damaged(path_, cat("near byte ", byte, ": ", failure_text(io != 0 ? io : failed, take_complaint())));
    if (packet.stream_index != stream_->index) continue;
    if ((packet.flags & AV_PKT_FLAG_CORRUPT) != 0)
      throw damaged(path_, cat("the packet at byte ", packet.pos, " is cut short"));
    return true;
  }
}

bool Demuxer::rewind_to(std::int64_t decoding_time) {
  return av_seek_frame(container_.get(), stream_->index, decoding_time, AVSEEK_FLAG_BACKWARD) >= 0;
}

Codec open_decoder(const Demuxer& demuxer, const ReaderOptions& options, Complaints& complaints) {
  Codec codec(avcodec_alloc_context3(&demuxer.decoder()));
  if (!codec) throw Error(ErrorKind::kEnvironment, "out_of_memory", "no memory for a decoder", demuxer.path());
  int failed = avcodec_parameters_to_context(codec.get(), demuxer.stream().codecpar);
  codec->pkt_timebase = demuxer.stream().time_base;
  codec->thread_count = options.threads;
  codec->opaque = &complaints;
  codec->max_pixels = options.max_pixels;
  codec->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;  // or the decoder drops frames and does not say so
  if (options.damage == Damage::kRefuse)
    codec->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
  if (failed >= 0) failed = avcodec_open2(codec.get(), &demuxer.decoder(), nullptr);
  if (failed < 0)
    throw Error(ErrorKind::kBadData, "unsupported_codec",
                cat("the decoder of '", demuxer.decoder().name,
                    "' refuses the stream: ", failure_text(failed, complaints.take())),
                demuxer.path(), "encode it again, e.g. ffmpeg -i IN -c:v libx264 OUT.mp4");
  return codec;
}

}  // namespace frugal::video
