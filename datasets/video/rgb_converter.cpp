#include "datasets/video/rgb_converter.h"

#include <cstring>

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace frugal::video {
namespace {

// Bicubic interpolation of chroma, at full horizontal resolution and without the approximations of the fast paths,
// which differ between processors.
constexpr int kScalerFlags = SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_BITEXACT;

// The formats that mean full range by their name are the others with a tag.
AVPixelFormat without_range(AVPixelFormat format) {
  switch (format) {
    case AV_PIX_FMT_YUVJ420P:
      return AV_PIX_FMT_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
      return AV_PIX_FMT_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
      return AV_PIX_FMT_YUV444P;
    case AV_PIX_FMT_YUVJ440P:
      return AV_PIX_FMT_YUV440P;
    case AV_PIX_FMT_YUVJ411P:
      return AV_PIX_FMT_YUV411P;
    default:
      return format;
  }
}

// Writes pixel (row, column) of the picture where it comes to lie when it is turned clockwise.
void turn(const AVFrame& rgb, int height, int width, int rotation, Frame& frame) {
  const bool upright = rotation % 180 == 0;
  frame.height = upright ? height : width;
  frame.width = upright ? width : height;
  frame.rgb.resize(static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * 3);
  for (int row = 0; row < height; ++row) {
    const std::uint8_t* in = rgb.data[0] + static_cast<std::ptrdiff_t>(row) * rgb.linesize[0];
    if (rotation == 0) {
      std::memcpy(&frame.rgb[static_cast<std::size_t>(row) * static_cast<std::size_t>(width) * 3], in,
                  static_cast<std::size_t>(width) * 3);
      continue;
    }
    for (int column = 0; column < width; ++column) {
      const int to_row = rotation == 90 ? column : rotation == 180 ? height - 1 - row : width - 1 - column;
      const int to_column = rotation == 90 ? height - 1 - row : rotation == 180 ? width - 1 - column : row;
      const auto at = (static_cast<std::size_t>(to_row) * static_cast<std::size_t>(frame.width) +
                       static_cast<std::size_t>(to_column)) *
                      3;
      std::memcpy(&frame.rgb[at], in + static_cast<std::ptrdiff_t>(column) * 3, 3);
    }
  }
}

}  // namespace

Colours colours_of(const std::string& file, AVPixelFormat format, AVColorSpace space, AVColorRange range) {
  const AVPixFmtDescriptor* description = av_pix_fmt_desc_get(format);
  const bool full = range == AVCOL_RANGE_JPEG || without_range(format) != format;
  if (description != nullptr && (description->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) != 0)
    return {.matrix = SWS_CS_DEFAULT, .name = "rgb", .tagged = true, .full_range = true};
  switch (space) {
    case AVCOL_SPC_BT709:
      return {SWS_CS_ITU709, "bt709", true, full};
    case AVCOL_SPC_FCC:
      return {SWS_CS_FCC, "fcc", true, full};
    case AVCOL_SPC_SMPTE240M:
      return {SWS_CS_SMPTE240M, "smpte240m", true, full};
    case AVCOL_SPC_BT2020_NCL:
      return {SWS_CS_BT2020, "bt2020", true, full};
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
      return {SWS_CS_ITU601, "bt601", true, full};
    case AVCOL_SPC_UNSPECIFIED:
    case AVCOL_SPC_RESERVED:
      return {SWS_CS_ITU601, "bt601", false, full};
    default:
      break;
  }
  const char* name = av_color_space_name(space);
  throw Error(ErrorKind::kBadData, "unsupported_codec",
              cat("there is no conversion to RGB from the colour space ", name == nullptr ? "?" : name), file,
              "encode it again, e.g. ffmpeg -i IN -vf scale=out_color_matrix=bt709 -colorspace bt709 OUT.mp4");
}

void RgbConverter::prepare(const AVFrame& picture) {
  if (scaler_ && width_ == picture.width && height_ == picture.height && format_ == picture.format &&
      space_ == picture.colorspace && range_ == picture.color_range)
    return;
  const auto format = static_cast<AVPixelFormat>(picture.format);
  const Colours colours = colours_of(file_, format, picture.colorspace, picture.color_range);
  scaler_.reset(sws_getContext(picture.width, picture.height, without_range(format), picture.width, picture.height,
                               AV_PIX_FMT_RGB24, kScalerFlags, nullptr, nullptr, nullptr));
  const char* name = av_get_pix_fmt_name(format);
  if (!scaler_)
    throw Error(ErrorKind::kBadData, "unsupported_codec",
                cat("pictures in the format ", name == nullptr ? "?" : name, " have no conversion to RGB"), file_,
                "encode it again, e.g. ffmpeg -i IN -c:v libx264 -pix_fmt yuv420p OUT.mp4");
  // Refused for pictures that are RGB already, where there is nothing to set.
  sws_setColorspaceDetails(scaler_.get(), sws_getCoefficients(colours.matrix), colours.full_range ? 1 : 0,
                           sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16, 1 << 16);
  rgb_ = new_picture();  // libswscale writes whole vectors, past the end of a row: into rows of its own
  rgb_->format = AV_PIX_FMT_RGB24;
  rgb_->width = picture.width;
  rgb_->height = picture.height;
  if (av_frame_get_buffer(rgb_.get(), 0) < 0)
    throw Error(ErrorKind::kEnvironment, "out_of_memory",
                cat("no memory for a picture of ", picture.width, " x ", picture.height), file_);
  width_ = picture.width;
  height_ = picture.height;
  format_ = picture.format;
  space_ = picture.colorspace;
  range_ = picture.color_range;
}

void RgbConverter::convert(const AVFrame& picture, int rotation, Frame& frame) {
  prepare(picture);
  const int rows =
      sws_scale(scaler_.get(), picture.data, picture.linesize, 0, picture.height, rgb_->data, rgb_->linesize);
  if (rows != picture.height) throw damaged(file_, cat("its frame ", frame.index, " does not convert to RGB"));
  turn(*rgb_, picture.height, picture.width, rotation, frame);
}

}  // namespace frugal::video
