#include "core/results/frames.h"

#include <cstring>
#include <optional>

#include "core/error.h"
#include "core/io/checksum.h"
#include "core/io/file.h"

namespace frugal::results {
namespace {

std::uint32_t read_u32(std::span<const std::byte> bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// The payload of the whole frame at the start of `bytes`, if one is there.
std::optional<std::span<const std::byte>> frame_at(std::span<const std::byte> bytes) {
  if (bytes.size() < kFrameHeader || read_u32(bytes, 0) != kFrameMagic) return std::nullopt;
  const std::uint32_t length = read_u32(bytes, 8);
  if (length > kMaxPayload || length > bytes.size() - kFrameHeader) return std::nullopt;
  if (io::crc32c(bytes.subspan(8, 4 + std::size_t{length})) != read_u32(bytes, 4)) return std::nullopt;
  return bytes.subspan(kFrameHeader, length);
}

// Looks for a whole frame anywhere in the bad bytes. A hostile file may hold many false beginnings, each with a long
// checksum to compute: after this many the answer is "damaged", which is the cautious one.
bool holds_frame(std::span<const std::byte> bytes) {
  constexpr int kMostBeginnings = 64;
  int beginnings = 0;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string_view magic(reinterpret_cast<const char*>(&kFrameMagic), sizeof kFrameMagic);
  for (auto at = text.find(magic, 1); at != text.npos; at = text.find(magic, at + 1))
    if (frame_at(bytes.subspan(at)) || ++beginnings > kMostBeginnings) return true;
  return false;
}

}  // namespace

void append_frame(std::string& out, std::string_view payload) {
  if (payload.size() > kMaxPayload)
    throw Error(ErrorKind::kUsage, "record_too_large",
                cat("a record of ", payload.size(), " bytes, at most ", kMaxPayload));
  const auto put = [&out](std::uint32_t word) { out.append(reinterpret_cast<const char*>(&word), sizeof word); };
  put(kFrameMagic);
  const std::size_t crc_at = out.size();
  put(0);
  put(static_cast<std::uint32_t>(payload.size()));
  out += payload;
  const std::uint32_t crc = io::crc32c(io::as_bytes(std::string_view(out).substr(crc_at + 4)));
  std::memcpy(out.data() + crc_at, &crc, sizeof crc);
}

FrameScan scan_frames(std::span<const std::byte> bytes,
                      const std::function<void(std::uint64_t, std::span<const std::byte>)>& visit) {
  FrameScan scan;
  std::uint64_t offset = 0;
  while (offset < bytes.size()) {
    const auto payload = frame_at(bytes.subspan(offset));
    if (!payload) break;
    visit(offset, *payload);
    offset += kFrameHeader + payload->size();
  }
  scan.valid_bytes = offset;
  scan.bad_bytes = bytes.size() - offset;
  scan.damaged = scan.bad_bytes > 0 && holds_frame(bytes.subspan(offset));
  return scan;
}

}  // namespace frugal::results
