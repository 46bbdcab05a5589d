#include "datasets/video/frame_table.h"

#include <algorithm>

namespace frugal::video {
namespace {

// VP8 has packets that show nothing and serve as reference only (RFC 6386, 9.1: show_frame is bit 4).
bool is_hidden(const AVPacket& packet, AVCodecID codec) {
  return codec == AV_CODEC_ID_VP8 && packet.size > 0 && (packet.data[0] & 0x10U) == 0;
}

void refuse_late_key(const Demuxer& demuxer, std::int64_t before, std::int64_t byte) {
  throw Error(ErrorKind::kBadData, "no_key_frame",
              before < 0 ? std::string("no packet of the video stream is a key frame: nothing can be decoded")
                         : cat("the first packet, at byte ", byte, ", is no key frame: ", before,
                               " packets before the first one cannot be decoded"),
              demuxer.path(), "cut the video at a key frame, or encode it again with ffmpeg");
}

struct Shown {
  std::int64_t first_byte = -1;
  std::int64_t before_key = 0;  // packets
  std::int64_t last_shown = AV_NOPTS_VALUE;
  std::int64_t last_duration = 0;
  std::vector<std::int64_t> decoded;
};

void add(FrameTable& table, Shown& seen, const AVPacket& packet, const Demuxer& demuxer) {
  if (seen.first_byte < 0) seen.first_byte = packet.pos;
  if ((packet.flags & AV_PKT_FLAG_KEY) != 0)
    table.keys.push_back({.shown = packet.pts, .decoded = packet.dts});
  else if (table.keys.empty())
    ++seen.before_key;
  // An edit list may take frames from the picture that others refer to.
  if ((packet.flags & AV_PKT_FLAG_DISCARD) != 0 || is_hidden(packet, demuxer.stream().codecpar->codec_id)) return;
  if (packet.pts == AV_NOPTS_VALUE) table.exact_times = false;
  table.shown.push_back(packet.pts);
  seen.decoded.push_back(packet.dts);
  if (packet.pts >= seen.last_shown) {
    seen.last_shown = packet.pts;
    seen.last_duration = packet.duration;
  }
}

}  // namespace

bool FrameTable::variable_rate(double seconds_a_tick) const {
  std::int64_t least = INT64_MAX, most = 0;
  for (std::size_t i = 1; i < shown.size(); ++i) {
    least = std::min(least, shown[i] - shown[i - 1]);
    most = std::max(most, shown[i] - shown[i - 1]);
  }
  return shown.size() > 2 && most - least > (seconds_a_tick <= 0.001 ? 1 : 0);
}

FrameTable read_frame_table(Demuxer& demuxer, const ReaderOptions& options) {
  FrameTable table;
  Shown seen;
  const Packet packet = new_packet();
  while (demuxer.read(*packet)) {
    add(table, seen, *packet, demuxer);
    if (static_cast<std::int64_t>(table.shown.size()) > options.max_frames)
      throw Error(ErrorKind::kBadData, "video_too_large", cat("more than ", options.max_frames, " frames"),
                  demuxer.path());
  }
  if (table.shown.empty())
    throw Error(ErrorKind::kBadData, "no_frames", "the video stream holds no frame", demuxer.path());
  if (options.damage == Damage::kRefuse && table.keys.empty()) refuse_late_key(demuxer, -1, 0);
  if (options.damage == Damage::kRefuse && seen.before_key > 0)
    refuse_late_key(demuxer, seen.before_key, seen.first_byte);
  // Frames of a container that keeps no times of showing come at the times of decoding, in another order.
  if (!table.exact_times) table.shown = seen.decoded;
  if (std::find(table.shown.begin(), table.shown.end(), AV_NOPTS_VALUE) != table.shown.end())
    throw damaged(demuxer.path(), "some of its frames have no time");
  std::sort(table.shown.begin(), table.shown.end());
  const auto count = static_cast<std::int64_t>(table.shown.size());
  const std::int64_t spacing = count > 1 ? (table.shown.back() - table.shown.front()) / (count - 1) : 0;
  table.end = table.shown.back() + (seen.last_duration > 0 ? seen.last_duration : spacing);
  return table;
}

}  // namespace frugal::video
