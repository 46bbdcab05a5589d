// FFmpeg's C objects with owners, and its error numbers and log as frugal::Error.
#pragma once

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libswscale/swscale.h>
}

#include <memory>
#include <mutex>
#include <string>

#include "core/error.h"

namespace frugal::video {

struct FreeContainer {
  void operator()(AVFormatContext* p) const { avformat_close_input(&p); }
};
struct FreeCodec {
  void operator()(AVCodecContext* p) const { avcodec_free_context(&p); }
};
struct FreePacket {
  void operator()(AVPacket* p) const { av_packet_free(&p); }
};
struct FreeFrame {
  void operator()(AVFrame* p) const { av_frame_free(&p); }
};
struct FreeScaler {
  void operator()(SwsContext* p) const { sws_freeContext(p); }
};
using Container = std::unique_ptr<AVFormatContext, FreeContainer>;
using Codec = std::unique_ptr<AVCodecContext, FreeCodec>;
using Packet = std::unique_ptr<AVPacket, FreePacket>;
using Picture = std::unique_ptr<AVFrame, FreeFrame>;
using Scaler = std::unique_ptr<SwsContext, FreeScaler>;

// Throws Error(kEnvironment, "out_of_memory").
Packet new_packet();
Picture new_picture();

// What a decoder complains of, on whichever of its threads. It conceals some damage (a wrong checksum of FFV1) and says
// so in its log only.
class Complaints {
 public:
  // The last since take(), or "".
  std::string take();
  void keep(std::string text);

 private:
  std::mutex mutex_;
  std::string text_;
};

// What FFmpeg logs as an error goes to the Complaints that AVCodecContext::opaque points to, and from elsewhere to
// take_complaint() of the thread; not to stderr.
void catch_complaints();
std::string take_complaint();

// "Invalid data found when processing input", with the complaint, if there is one, in front.
std::string failure_text(int error, const std::string& complaint);

inline Error damaged(const std::string& file, const std::string& why) {
  return Error(ErrorKind::kBadData, "damaged_video", why, file, "get the file again, or encode it again with ffmpeg");
}

}  // namespace frugal::video
