// Decoded pictures of one file in the order in which they are shown, each with its index.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "datasets/video/demuxer.h"
#include "datasets/video/frame_table.h"

namespace frugal::video {

class Decoder {
 public:
  Decoder(std::filesystem::path path, ReaderOptions options, const FrameTable& table);

  // The next picture, valid until the next call, or nullptr after the last. Throws Error(kBadData) "damaged_video",
  // "frame_missing", "frame_size_changed".
  const AVFrame* next();
  // The index of the picture that next() gave.
  std::int64_t index() const { return index_; }
  // The first picture, which next() will give, too. Error(kBadData, "no_frames") where none decodes.
  const AVFrame& first();
  // next() gives this one, or in a damaged file that is read all the same the first that there is from it on.
  void seek(std::int64_t index);
  const Faults& faults() const { return faults_; }

 private:
  void open();
  void restart(const KeyPacket& key);
  void skip_to(std::int64_t index);
  bool skip_from(const KeyPacket& key, std::int64_t index);
  void seek_by_keys(std::int64_t index);
  const AVFrame* advance();
  bool receive();
  void feed();
  void place(std::int64_t expected);
  void check_size();
  void check_picture();
  void fault(std::int64_t Faults::* counter, std::int64_t by, const char* code, const std::string& what);
  double seconds(std::int64_t ticks) const;

  std::filesystem::path path_;
  ReaderOptions options_;
  const FrameTable& table_;
  std::unique_ptr<Demuxer> demuxer_;
  Complaints complaints_;
  Codec codec_;
  Packet packet_ = new_packet();
  Picture picture_ = new_picture();
  Faults faults_;
  bool refuse_;                 // the first fault
  int width_ = 0, height_ = 0;  // of the first picture
  std::int64_t index_ = -1;
  std::optional<std::int64_t> from_;  // ticks: pictures shown before are another's, or lack their references
  bool ready_ = false;                // picture_ is what next() is to give
  bool drained_ = false;              // the end of the file was sent to the decoder
  bool pending_ = false;              // packet_ is to be sent first
};

}  // namespace frugal::video
