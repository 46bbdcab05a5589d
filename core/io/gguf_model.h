// A GGUF checkpoint as if it were a Hugging Face folder: the content of its config.json, and its tensors by the names
// and in the layout that transformers uses. Architectures: llama (Llama, SmolLM, Mistral 7B, ...) and qwen2.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/gguf.h"

namespace frugal::io {

// One tensor under its Hugging Face name.
struct GgufModelTensor {
  std::string name;                    // "model.layers.0.self_attn.q_proj.weight"
  const GgufTensor* source = nullptr;  // shape as transformers has it
  // llama.cpp stores the rows of q and k of the llama architecture interleaved for its own rotary embedding: row
  // 2i + h of a head is row i + h d_h / 2 of transformers. Heads to undo that for; 0 where rows stand as they are.
  std::int64_t interleaved_heads = 0;
};

class GgufModel {
 public:
  // Errors: those of GgufFile::open; kBadData
  //   gguf_architecture   general.architecture is missing or none of the above
  //   gguf_metadata       a key that the architecture needs is missing, has a wrong type or a senseless value
  //   gguf_names          a tensor that the architecture does not have, a layer outside the model
  //   gguf_rope_freqs     rope_freqs.weight is not what Llama 3's scaling gives
  static GgufModel open(const std::filesystem::path& path);

  const GgufFile& file() const { return file_; }
  // What config.json would hold: model_type, architectures, sizes, rope_theta, rope_scaling, tie_word_embeddings, ids
  // of special tokens; for `models` to read as they read any other. Numbers as the file has them: rms_norm_eps is the
  // fp32 nearest to 1e-5.
  const nlohmann::json& config() const;

  // All tensors, sorted by name.
  const std::vector<GgufModelTensor>& tensors() const { return tensors_; }
  const GgufModelTensor* find(std::string_view name) const;

  // The tensor as fp32, row-major, rows in the order of transformers. out.size() == tensor.source->elements().
  // Error(kBadData, "gguf_type_unsupported").
  void read(const GgufModelTensor& tensor, std::span<float> out) const;
  // Rows [first, first + count) of a matrix, or of a vector seen as one column, in the order of transformers:
  // out.size() == count * elements of a row.
  void read_rows(const GgufModelTensor& tensor, std::int64_t first, std::int64_t count, std::span<float> out) const;

  GgufModel(GgufModel&&) noexcept;
  GgufModel& operator=(GgufModel&&) noexcept;
  ~GgufModel();

 private:
  explicit GgufModel(GgufFile file);

  GgufFile file_;
  std::unique_ptr<nlohmann::json> config_;
  std::vector<GgufModelTensor> tensors_;
};

}  // namespace frugal::io
