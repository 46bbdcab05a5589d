// How records lie in a journal: frame after frame of magic, CRC32C, length, payload. What a crash leaves behind (a torn
// last frame) is told from what only a damaged disk makes (a bad frame with good ones after it).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace frugal::results {

constexpr std::uint32_t kFrameMagic = 0x314A5246;          // "FRJ1"
constexpr std::size_t kFrameHeader = 12;                   // bytes: magic, CRC32C of the rest, length
constexpr std::uint32_t kMaxPayload = 256U * 1024 * 1024;  // bytes; longer ones are never written, nor believed

// Appends a frame to `out`. Throws Error(usage, "record_too_large").
void append_frame(std::string& out, std::string_view payload);

struct FrameScan {
  std::uint64_t valid_bytes = 0;  // the frames from the start that are whole
  std::uint64_t bad_bytes = 0;    // what follows them
  bool damaged = false;           // a whole frame lies behind the bad bytes: not a torn tail
};
// Calls visit(offset of the frame, payload) for every whole frame from the start on; stops at the first that is not.
FrameScan scan_frames(std::span<const std::byte> bytes,
                      const std::function<void(std::uint64_t, std::span<const std::byte>)>& visit);

}  // namespace frugal::results
