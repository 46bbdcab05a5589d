// A container that is open at its video stream, and the packets of that stream.
#pragma once

#include <filesystem>
#include <string>

#include "datasets/video/libav.h"
#include "datasets/video/video.h"

namespace frugal::video {

class Demuxer {
 public:
  // Opens and probes the file. Throws Error(kBadData): "not_a_video", "no_video_stream", "damaged_video",
  // "video_too_large", "unsupported_codec".
  Demuxer(const std::filesystem::path& path, const ReaderOptions& options);

  const std::string& path() const { return path_; }
  const AVFormatContext& container() const { return *container_; }
  const AVStream& stream() const { return *stream_; }
  const AVCodec& decoder() const { return *decoder_; }

  // The next packet of the video stream into `packet`; false at the end of the file. Throws Error(kBadData,
  // "damaged_video"), with the byte, where the container's structure is broken or a packet is cut short.
  bool read(AVPacket& packet);
  // Goes back to a packet before or at the one with this decoding time; false if the container cannot.
  bool rewind_to(std::int64_t decoding_time);

 private:
  void check_size(const ReaderOptions& options) const;
  void probe(const ReaderOptions& options);

  std::string path_;
  Container container_;
  AVStream* stream_ = nullptr;
  const AVCodec* decoder_ = nullptr;
};

// A decoder of this stream, open, that complains to `complaints`, which must outlive it. Throws Error(kBadData,
// "unsupported_codec").
Codec open_decoder(const Demuxer& demuxer, const ReaderOptions& options, Complaints& complaints);

}  // namespace frugal::video
