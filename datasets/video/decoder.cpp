#include "datasets/video/decoder.h"

#include <algorithm>
#include <utility>

namespace frugal::video {

Decoder::Decoder(std::filesystem::path path, ReaderOptions options, const FrameTable& table)
    : path_(std::move(path)), options_(options), table_(table), refuse_(options.damage == Damage::kRefuse) {
  open();
}

void Decoder::open() {
  codec_.reset();
  demuxer_ = std::make_unique<Demuxer>(path_, options_);
  codec_ = open_decoder(*demuxer_, options_, complaints_);
  index_ = -1;
  from_.reset();
  ready_ = drained_ = pending_ = false;
}

double Decoder::seconds(std::int64_t ticks) const {
  return static_cast<double>(ticks) * av_q2d(demuxer_->stream().time_base);
}

void Decoder::fault(std::int64_t Faults::* counter, std::int64_t by, const char* code, const std::string& what) {
  if (refuse_)
    throw Error(ErrorKind::kBadData, code, what, path_.string(), "get the file again, or encode it again with ffmpeg");
  faults_.*counter += by;
  if (faults_.first.empty()) faults_.first = what;
}

// Sends the next packet, or the end of the file.
void Decoder::feed() {
  if (!pending_ && !demuxer_->read(*packet_)) {
    av_packet_unref(packet_.get());
    drained_ = true;
  }
  pending_ = false;
  const int failed = avcodec_send_packet(codec_.get(), drained_ ? nullptr : packet_.get());
  if (failed >= 0 || failed == AVERROR_EOF) return;
  if (failed == AVERROR(ENOMEM))
    throw Error(ErrorKind::kEnvironment, "out_of_memory", "no memory to decode a frame", path_.string());
  fault(&Faults::damaged_packets, 1, "damaged_video",
        cat("the packet at byte ", packet_->pos, " does not decode, before frame ", index_ + 1,
            " is whole: ", failure_text(failed, complaints_.take())));
}

// One picture from the decoder into picture_; false at the end.
bool Decoder::receive() {
  constexpr int kMostFailures = 100;  // in a row; a decoder that gives neither pictures nor wants packets is stuck
  for (int failures = 0; failures < kMostFailures;) {
    const int failed = avcodec_receive_frame(codec_.get(), picture_.get());
    if (failed >= 0) return true;
    if (failed == AVERROR_EOF) return false;
    if (failed == AVERROR(EAGAIN)) {
      feed();
      failures = 0;
      continue;
    }
    if (failed == AVERROR(ENOMEM))
      throw Error(ErrorKind::kEnvironment, "out_of_memory", "no memory to decode a frame", path_.string());
    fault(&Faults::damaged_packets, 1, "damaged_video",
          cat("frame ", index_ + 1, " does not decode: ", failure_text(failed, complaints_.take())));
    ++failures;
  }
  throw damaged(path_.string(), cat("nothing decodes after frame ", index_));
}

// Sets index_ of the picture, of which `expected` is the next in turn.
void Decoder::place(std::int64_t expected) {
  const auto frames = static_cast<std::int64_t>(table_.shown.size());
  if (!table_.exact_times) {
    index_ = expected;
    if (expected >= frames)
      throw damaged(path_.string(), cat("more frames decode than the ", frames, " that its packets hold"));
    return check_size();
  }
  const auto first = table_.shown.begin() + std::clamp<std::int64_t>(expected, 0, frames);
  const auto found = std::lower_bound(first, table_.shown.end(), picture_->pts);
  if (found == table_.shown.end() || *found != picture_->pts)
    throw damaged(path_.string(), cat("after frame ", expected - 1, " comes one shown at ", seconds(picture_->pts),
                                      " s, when no packet says so"));
  index_ = found - table_.shown.begin();
  check_size();  // what follows from a change is not the news
  if (found == first) return;
  const auto missing = found - first;
  fault(&Faults::missing_frames, missing, "frame_missing",
        cat("frame ", expected, ", shown at ", seconds(*first), " s, does not decode",
            missing > 1 ? cat(", nor the ", missing - 1, " after it") : ""));
}

void Decoder::check_size() {
  if (width_ == 0) {
    width_ = picture_->width;
    height_ = picture_->height;
  }
  if (picture_->width != width_ || picture_->height != height_)
    throw Error(ErrorKind::kBadData, "frame_size_changed",
                cat("frame ", index_, " has ", picture_->width, " x ", picture_->height, " pixels, those before it ",
                    width_, " x ", height_),
                path_.string(),
                "cut the video there, or scale it to one size, e.g. ffmpeg -i IN -vf scale=640:360 OUT.mp4");
}

void Decoder::check_picture() {
  const std::string complaint = complaints_.take();
  const bool made_up = (picture_->flags & AV_FRAME_FLAG_CORRUPT) != 0 || picture_->decode_error_flags != 0;
  if (!complaint.empty())
    fault(&Faults::damaged_frames, 1, "damaged_video", cat("frame ", index_, " or one near it: ", complaint));
  else if (made_up)
    fault(&Faults::damaged_frames, 1, "damaged_video",
          cat("parts of frame ", index_, " do not decode, or refer to frames that are not there"));
}

const AVFrame* Decoder::advance() {
  while (true) {
    if (!receive()) {
      const auto missing = static_cast<std::int64_t>(table_.shown.size()) - (index_ + 1);
      if (missing > 0) {
        const std::int64_t expected = std::exchange(index_, static_cast<std::int64_t>(table_.shown.size()) - 1) + 1;
        fault(&Faults::missing_frames, missing, "frame_missing",
              cat("frame ", expected, " and all after it do not decode: ", missing, " of ", table_.shown.size()));
      }
      return nullptr;
    }
    if (from_ && picture_->pts < *from_) continue;
    if (from_) complaints_.take();  // of pictures before the key frame, whose references are not there
    from_.reset();
    place(index_ + 1);
    check_picture();
    return picture_.get();
  }
}

const AVFrame* Decoder::next() {
  if (std::exchange(ready_, false)) return picture_.get();
  return advance();
}

void Decoder::restart(const KeyPacket& key) {
  if (!demuxer_->rewind_to(key.decoded)) throw damaged(path_.string(), "the container cannot be searched");
  avcodec_flush_buffers(codec_.get());
  ready_ = drained_ = pending_ = false;
  while (true) {
    if (!demuxer_->read(*packet_)) throw damaged(path_.string(), "a key frame is not found again");
    if (packet_->pts == key.shown && (packet_->flags & AV_PKT_FLAG_KEY) != 0) break;
    if (packet_->dts > key.decoded) throw damaged(path_.string(), "the container's index leads past a key frame");
  }
  pending_ = true;
  from_ = key.shown;
  index_ = std::lower_bound(table_.shown.begin(), table_.shown.end(), key.shown) - table_.shown.begin() - 1;
}

void Decoder::skip_to(std::int64_t index) {
  while (index_ < index)
    if (advance() == nullptr) return;
  ready_ = true;
}

// False if the frame does not decode from there.
bool Decoder::skip_from(const KeyPacket& key, std::int64_t index) {
  refuse_ = true;
  bool arrived = true;
  try {
    restart(key);
    skip_to(index);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kBadData) throw;
    arrived = false;
  }
  refuse_ = options_.damage == Damage::kRefuse;
  return arrived;
}

// From the latest key frame that is shown no later, or from here where that is nearer. Where the key frame is no full
// point of entry, or the container's index wrong, from those before it, and in the end from the start of the file.
void Decoder::seek_by_keys(std::int64_t index) {
  constexpr int kTries = 3;
  const auto shown = [&](std::int64_t i) { return table_.shown[static_cast<std::size_t>(i)]; };
  int tries = 0;
  for (auto key = table_.keys.rbegin(); key != table_.keys.rend() && tries < kTries; ++key) {
    if (key->shown > shown(index) || key->decoded == AV_NOPTS_VALUE) continue;
    if (tries == 0 && index_ >= 0 && index_ < index && key->shown <= shown(index_)) return skip_to(index);
    ++tries;
    if (skip_from(*key, index)) return;
  }
  open();
  skip_to(index);
}

const AVFrame& Decoder::first() {
  if (advance() == nullptr) throw Error(ErrorKind::kBadData, "no_frames", "none of its frames decodes", path_.string());
  ready_ = true;
  return *picture_;
}

void Decoder::seek(std::int64_t index) {
  if (ready_ && index_ == index) return;
  if (!ready_ && index_ + 1 == index) return;
  if (table_.exact_times) return seek_by_keys(index);
  if (index <= index_) open();
  skip_to(index);
}

}  // namespace frugal::video
