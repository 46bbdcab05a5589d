#include "core/io/gguf_model.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/io/gguf_config.h"
#include "core/io/gguf_dequantize.h"
#include "core/io/utf8.h"

namespace frugal::io {

namespace {

struct NameRow {
  std::string_view gguf, hugging_face;
};

constexpr NameRow kOutside[] = {
    {"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}};
constexpr NameRow kInLayer[] = {
    {"attn_norm", "input_layernorm"}, {"attn_q", "self_attn.q_proj"},      {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},   {"attn_output", "self_attn.o_proj"}, {"ffn_norm", "post_attention_layernorm"},
    {"ffn_gate", "mlp.gate_proj"},    {"ffn_up", "mlp.up_proj"},           {"ffn_down", "mlp.down_proj"},
};

template <std::size_t N>
std::string_view look_up(const NameRow (&rows)[N], std::string_view name) {
  const auto* at = std::find_if(std::begin(rows), std::end(rows), [&](const auto& row) { return row.gguf == name; });
  return at == std::end(rows) ? std::string_view() : at->hugging_face;
}

// A number without sign or leading zeros below `end`; -1 for anything else.
std::int64_t layer_number(std::string_view text, std::int64_t end) {
  std::int64_t number = -1;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool plain =
      parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && std::to_string(number) == text;
  return plain && number >= 0 && number < end ? number : -1;
}

// "blk.3.attn_q.weight" -> "model.layers.3.self_attn.q_proj.weight"; empty when the architecture has no such tensor.
std::string hugging_face_name(std::string_view name, std::int64_t layers) {
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos) return {};
  auto stem = name.substr(0, dot);
  const auto suffix = name.substr(dot);
  if (suffix != ".weight" && suffix != ".bias") return {};
  if (!stem.starts_with("blk.")) {
    const auto found = look_up(kOutside, stem);
    return found.empty() ? std::string() : cat(found, suffix);
  }
  stem.remove_prefix(4);
  const auto end = stem.find('.');
  if (end == std::string_view::npos) return {};
  const auto layer = layer_number(stem.substr(0, end), layers);
  const auto found = look_up(kInLayer, stem.substr(end + 1));
  return layer < 0 || found.empty() ? std::string() : cat("model.layers.", layer, ".", found, suffix);
}

bool is_query(std::string_view name) {
  return name.find(".self_attn.q_proj.") != std::string_view::npos;
}

bool is_key(std::string_view name) {
  return name.find(".self_attn.k_proj.") != std::string_view::npos;
}

std::string where_of(const GgufFile& file, const GgufTensor& tensor) {
  return cat(file.path().string(), ": byte ", tensor.offset, ": tensor '", printable(tensor.name), "'");
}

// Row of the file that is row `row` of transformers.
std::int64_t source_row(std::int64_t row, std::int64_t rows, std::int64_t heads) {
  if (heads == 0) return row;
  const auto head_dim = rows / heads, half = head_dim / 2;
  const auto head = row / head_dim, inside = row % head_dim;
  return head * head_dim + 2 * (inside % half) + inside / half;
}

}  // namespace

GgufModel::GgufModel(GgufFile file)
    : file_(std::move(file)), config_(std::make_unique<nlohmann::json>(detail::gguf_config(file_))) {}
GgufModel::GgufModel(GgufModel&&) noexcept = default;
GgufModel& GgufModel::operator=(GgufModel&&) noexcept = default;
GgufModel::~GgufModel() = default;

GgufModel GgufModel::open(const std::filesystem::path& path) {
  GgufModel model(GgufFile::open(path));
  const auto& config = model.config();
  const bool interleaved = config["model_type"] == "llama";
  const auto layers = config["num_hidden_layers"].get<std::int64_t>();
  const auto heads = config["num_attention_heads"].get<std::int64_t>();
  const auto kv_heads = config["num_key_value_heads"].get<std::int64_t>();
  for (const auto& tensor : model.file_.tensors()) {
    if (tensor.name == "rope_freqs.weight") continue;  // in the config
    GgufModelTensor entry{hugging_face_name(tensor.name, layers), &tensor};
    const auto fail = [&](const std::string& message) {
      throw Error(ErrorKind::kBadData, "gguf_names", message, where_of(model.file_, tensor));
    };
    if (entry.name.empty())
      fail(cat("a ", config["model_type"].get<std::string>(), " model of ", layers, " layers has no such tensor"));
    if (interleaved && is_query(entry.name)) entry.interleaved_heads = heads;
    if (interleaved && is_key(entry.name)) entry.interleaved_heads = kv_heads;
    if (entry.interleaved_heads > 0 && tensor.shape[0] % (2 * entry.interleaved_heads) != 0)
      fail(cat(tensor.shape[0], " rows are not ", entry.interleaved_heads, " heads of an even number of rows"));
    model.tensors_.push_back(std::move(entry));
  }
  std::sort(model.tensors_.begin(), model.tensors_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return model;
}

const nlohmann::json& GgufModel::config() const {
  return *config_;
}

const GgufModelTensor* GgufModel::find(std::string_view name) const {
  const auto at =
      std::lower_bound(tensors_.begin(), tensors_.end(), name,
                       [](const GgufModelTensor& tensor, std::string_view wanted) { return tensor.name < wanted; });
  return at != tensors_.end() && at->name == name ? &*at : nullptr;
}

void GgufModel::read(const GgufModelTensor& tensor, std::span<float> out) const {
  if (tensor.interleaved_heads == 0) return dequantize(*tensor.source, out, where_of(file_, *tensor.source));
  read_rows(tensor, 0, tensor.source->shape[0], out);
}

void GgufModel::read_rows(const GgufModelTensor& tensor, std::int64_t first, std::int64_t count,
                          std::span<float> out) const {
  const auto& source = *tensor.source;
  const auto where = where_of(file_, source);
  const auto rows = source.shape[0];
  const auto row_elements = static_cast<std::uint64_t>(source.elements() / rows);
  if (first < 0 || count < 0 || first > rows - count || out.size() != static_cast<std::uint64_t>(count) * row_elements)
    throw Error(ErrorKind::kUsage, "gguf_sizes",
                cat("rows ", first, " to ", first + count, " of ", rows, " into ", out.size(), " numbers"), where);
  if (source.shape.size() == 1 && ggml_type_info(source.type).block_elements > 1)
    throw Error(ErrorKind::kBadData, "gguf_type_unsupported", "elements of a quantized vector cannot be reordered",
                where);
  const auto row_bytes = source.bytes.size() / static_cast<std::uint64_t>(rows);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::uint64_t>(source_row(first + i, rows, tensor.interleaved_heads));
    dequantize(source.type, source.bytes.subspan(at * row_bytes, row_bytes),
               out.subspan(static_cast<std::uint64_t>(i) * row_elements, row_elements), where);
  }
}

}  // namespace frugal::io
