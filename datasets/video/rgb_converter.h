// Decoded pictures to RGB, the same bytes on every processor.
#pragma once

#include "datasets/video/libav.h"
#include "datasets/video/video.h"

namespace frugal::video {

// How the values of a picture stand for colours, by its tags.
struct Colours {
  int matrix = SWS_CS_ITU601;  // an SWS_CS_ value
  std::string name = "bt601";
  bool tagged = false;
  bool full_range = false;
};
// Error(kBadData, "unsupported_codec") for a matrix that is none (YCgCo, ICtCp, BT.2020 with constant luminance).
Colours colours_of(const std::string& file, AVPixelFormat format, AVColorSpace space, AVColorRange range);

class RgbConverter {
 public:
  explicit RgbConverter(std::string file) : file_(std::move(file)) {}

  // The picture as frame.rgb, height and width, turned clockwise by `rotation` = 0, 90, 180 or 270 degrees.
  // Error(kBadData, "unsupported_codec") for a pixel format that has no conversion.
  void convert(const AVFrame& picture, int rotation, Frame& frame);

 private:
  void prepare(const AVFrame& picture);

  std::string file_;
  Scaler scaler_;
  Picture rgb_;
  int width_ = 0, height_ = 0, format_ = -1, space_ = -1, range_ = -1;
};

}  // namespace frugal::video
