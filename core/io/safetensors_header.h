// The JSON header of a safetensors file, parsed but not yet checked against the file. Internal to core/io.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/safetensors.h"

namespace frugal::io::detail {

struct HeaderTensor {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;  // from the start of the data section
};

struct Header {
  std::vector<HeaderTensor> tensors;  // in the order of the file
  std::map<std::string, std::string> metadata;
};

// text: the header's bytes, which start at byte 8 of `file`. Throws as SafetensorsFile::open documents.
Header parse_header(std::string_view text, const std::string& file);

}  // namespace frugal::io::detail
