#include "datasets/video/libav.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <utility>

#include "datasets/video/video.h"

namespace frugal::video {
namespace {

thread_local std::string t_complaint;

Complaints* complaints_of(void* context) {
  if (context == nullptr) return nullptr;
  const AVClass* type = *static_cast<AVClass**>(context);
  if (type == nullptr || std::strcmp(type->class_name, avcodec_get_class()->class_name) != 0) return nullptr;
  return static_cast<Complaints*>(static_cast<AVCodecContext*>(context)->opaque);
}

void keep_errors(void* context, int level, const char* format, va_list arguments) {
  if (level > AV_LOG_ERROR) return;
  std::array<char, 400> buffer{};
  std::vsnprintf(buffer.data(), buffer.size(), format, arguments);
  std::string text = buffer.data();
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (Complaints* complaints = complaints_of(context))
    complaints->keep(std::move(text));
  else
    t_complaint = std::move(text);
}

template <typename Owner, typename Object>
Owner owned(Object* object) {
  if (object == nullptr)
    throw Error(ErrorKind::kEnvironment, "out_of_memory", "FFmpeg gets no memory for a picture or a packet");
  return Owner(object);
}

}  // namespace

Packet new_packet() {
  return owned<Packet>(av_packet_alloc());
}

Picture new_picture() {
  return owned<Picture>(av_frame_alloc());
}

void catch_complaints() {
  av_log_set_callback(keep_errors);
}

std::string take_complaint() {
  return std::exchange(t_complaint, {});
}

std::string Complaints::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(text_, {});
}

void Complaints::keep(std::string text) {
  const std::lock_guard lock(mutex_);
  text_ = std::move(text);
}

std::string failure_text(int error, const std::string& complaint) {
  std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
  av_strerror(error, text.data(), text.size());
  return complaint.empty() ? text.data() : cat(complaint, " (", text.data(), ")");
}

std::string video_libraries() {
  const auto version = [](unsigned v) {
    return cat(AV_VERSION_MAJOR(v), ".", AV_VERSION_MINOR(v), ".", AV_VERSION_MICRO(v));
  };
  return cat("libavformat ", version(avformat_version()), ", libavcodec ", version(avcodec_version()), ", libswscale ",
             version(swscale_version()));
}

void limit_video_allocations(std::size_t bytes) {
  av_max_alloc(bytes);
}

}  // namespace frugal::video
