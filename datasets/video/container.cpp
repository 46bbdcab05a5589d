#include "datasets/video/container.h"

#include <array>
#include <bit>
#include <cstdint>
#include <fstream>
#include <optional>

#include "core/error.h"

namespace frugal::video {
namespace {

constexpr std::uint32_t kEbml = 0x1A45DFA3, kSegment = 0x18538067;
constexpr int kMostBoxes = 100'000;  // of an MP4: a day in fragments of two seconds

class Header {
 public:
  explicit Header(const std::filesystem::path& path) : path_(path), in_(path, std::ios::binary) {
    if (!in_) throw Error(ErrorKind::kUsage, "file_not_found", "the file cannot be opened", path.string());
    in_.seekg(0, std::ios::end);
    size_ = static_cast<std::uint64_t>(in_.tellg());
  }

  std::uint64_t size() const { return size_; }
  bool has(std::uint64_t at, std::uint64_t bytes) const { return at <= size_ && size_ - at >= bytes; }

  std::string text(std::uint64_t at, std::size_t bytes) {
    std::string value(bytes, '\0');
    in_.clear();
    in_.seekg(static_cast<std::streamoff>(at));
    in_.read(value.data(), static_cast<std::streamsize>(bytes));
    if (!in_) throw truncated(cat(bytes, " bytes are expected at byte ", at));
    return value;
  }

  std::uint64_t big_endian(std::uint64_t at, std::size_t bytes) {
    std::uint64_t value = 0;
    for (const char c : text(at, bytes)) value = value << 8U | static_cast<std::uint8_t>(c);
    return value;
  }

  Error truncated(const std::string& why) const {
    return Error(ErrorKind::kBadData, "truncated_video", cat("the file ends at byte ", size_, ", but ", why),
                 path_.string(), "get the file again; its tail is missing");
  }
  Error damaged(const std::string& why) const {
    return Error(ErrorKind::kBadData, "damaged_video", why, path_.string(), "get the file again");
  }

 private:
  std::filesystem::path path_;
  std::ifstream in_;
  std::uint64_t size_ = 0;
};

bool is_box_name(const std::string& name) {
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7F) return false;
  return true;
}

bool starts_as_mp4(const std::string& name) {
  for (const char* known : {"ftyp", "moov", "mdat", "wide", "free", "skip", "styp", "pnot"})
    if (name == known) return true;
  return false;
}

struct Box {
  std::string name;
  std::uint64_t content;  // where it begins
  std::uint64_t end;
};

// ISO/IEC 14496-12, 4.2: 32-bit size and name; size 1 has 64 bits behind the name, size 0 goes to the end of the file.
Box box_at(Header& file, std::uint64_t at, std::uint64_t end) {
  if (end - at < 8) throw file.truncated(cat("the box at byte ", at, " has a header of 8 bytes"));
  Box box{.name = file.text(at + 4, 4), .content = at + 8, .end = end};
  if (!is_box_name(box.name)) throw file.damaged(cat("no box begins at byte ", at));
  std::uint64_t size = file.big_endian(at, 4);
  if (size == 0) return box;
  if (size == 1) {
    size = file.big_endian(at + 8, 8);
    box.content += 8;
  }
  if (size < box.content - at)
    throw file.damaged(cat("the box '", box.name, "' at byte ", at, " has a size of ", size, " bytes"));
  if (size > file.size() - at)
    throw file.truncated(cat("its box '", box.name, "' at byte ", at, " has a size of ", size, " bytes"));
  if (size > end - at)
    throw file.damaged(cat("the box '", box.name, "' at byte ", at, " goes on past the box that holds it"));
  box.end = at + size;
  return box;
}

// FFmpeg makes an entry for each sample that the table of sizes (8.7.3.2) counts, though one number may stand for all.
void check_samples(Header& file, const Box& box) {
  if (box.end - box.content < 12) throw file.damaged(cat("the box 'stsz' before byte ", box.end, " is too short"));
  const std::uint64_t samples = file.big_endian(box.content + 8, 4);
  if (samples > file.size())
    throw file.damaged(
        cat("the table at byte ", box.content, " has ", samples, " samples, the file ", file.size(), " bytes"));
}

// Each holds the next: the way from the file to its tables of samples.
constexpr std::array kWay = {"moov", "trak", "mdia", "minf", "stbl"};

// Boxes from byte `at` to `end`, and those that they hold, along the way. True if one is 'moov'.
bool check_boxes(Header& file, std::uint64_t at, std::uint64_t end, std::size_t depth, int& boxes) {
  bool movie = false;
  while (at < end) {
    if (++boxes > kMostBoxes) throw file.damaged(cat("more than ", kMostBoxes, " boxes before byte ", at));
    if (depth > 0 && end - at < 8) break;  // QuickTime ends some with a zero of 32 bits
    const Box box = box_at(file, at, end);
    movie |= box.name == "moov";
    if (depth == kWay.size() && box.name == "stsz") check_samples(file, box);
    if (depth < kWay.size() && box.name == kWay[depth]) check_boxes(file, box.content, box.end, depth + 1, boxes);
    at = box.end;
  }
  return movie;
}

void check_mp4(Header& file) {
  int boxes = 0;
  if (!check_boxes(file, 0, file.size(), 0, boxes))
    throw file.truncated("there is no box 'moov', which describes the streams");
}

struct Element {
  std::uint64_t content;              // where it begins
  std::optional<std::uint64_t> size;  // of the content; unknown in a live recording
};

// RFC 8794: an identifier of 4 bytes, then a size whose first byte tells by its leading zeros how long it is.
Element element(Header& file, std::uint64_t at) {
  const auto first = static_cast<std::uint8_t>(file.big_endian(at + 4, 1));
  if (first == 0) throw file.damaged(cat("the element at byte ", at, " has no valid size"));
  const auto length = static_cast<std::size_t>(std::countl_zero(first)) + 1;
  const std::uint64_t mask = (std::uint64_t{1} << (7 * length)) - 1;
  const std::uint64_t size = file.big_endian(at + 4, length) & mask;
  return {at + 4 + length, size == mask ? std::nullopt : std::optional(size)};
}

void check_matroska(Header& file) {
  const Element head = element(file, 0);
  if (!head.size || !file.has(head.content, *head.size)) throw file.truncated("its EBML header goes on");
  const std::uint64_t at = head.content + *head.size;
  if (!file.has(at, 5)) throw file.truncated("there is no segment behind the EBML header");
  if (file.big_endian(at, 4) != kSegment) throw file.damaged(cat("no segment begins at byte ", at));
  const Element segment = element(file, at);
  if (segment.size && !file.has(segment.content, *segment.size))
    throw file.truncated(cat("its segment at byte ", at, " has ", *segment.size, " bytes"));
}

void check_riff(Header& file) {
  const std::string size_text = file.text(4, 4);
  std::uint64_t size = 0;
  for (int i = 3; i >= 0; --i) size = size << 8U | static_cast<std::uint8_t>(size_text[static_cast<std::size_t>(i)]);
  if (!file.has(8, size)) throw file.truncated(cat("its RIFF chunk has ", size, " bytes"));
}

}  // namespace

void check_container(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path))
    throw Error(ErrorKind::kUsage, "file_not_found", "expected a file", path.string());
  Header file(path);
  if (file.has(0, 12)) {
    if (starts_as_mp4(file.text(4, 4))) return check_mp4(file);
    if (file.big_endian(0, 4) == kEbml) return check_matroska(file);
    if (file.text(0, 4) == "RIFF" && file.text(8, 4) == "AVI ") return check_riff(file);
  }
  throw Error(
      ErrorKind::kBadData, "not_a_video",
      cat("expected MP4/MOV, Matroska/WebM or AVI; the ", file.size(), " bytes of this file begin as none of them"),
      path.string());
}

}  // namespace frugal::video
