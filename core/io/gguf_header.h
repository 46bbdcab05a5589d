// The header of a GGUF file, parsed; tensors' offsets not yet checked against the data. Internal to core/io.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/io/gguf.h"

namespace frugal::io::detail {

struct GgufHeader {
  std::uint32_t version = 0;
  std::vector<GgufEntry> metadata;
  std::vector<GgufTensor> tensors;          // offset: from the start of the data section; bytes: empty
  std::vector<std::uint64_t> described_at;  // beside tensors: the byte of the description, for errors
  std::uint64_t end = 0;                    // first byte after the descriptions
};

// bytes: the whole file. Throws as GgufFile::open documents.
GgufHeader parse_gguf_header(std::span<const std::byte> bytes, const std::string& file);

// Bytes that the tensor's blocks take; type and shape were checked by parse_gguf_header.
std::uint64_t gguf_bytes(const GgufTensor& tensor);

}  // namespace frugal::io::detail
