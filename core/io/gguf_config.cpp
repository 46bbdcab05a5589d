#include "core/io/gguf_config.h"

#include "core/error.h"
#include "core/io/utf8.h"

namespace frugal::io::detail {

namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMostSize = std::int64_t{1} << 31;

// Reads "<architecture>.<key>".
class Keys {
 public:
  Keys(const GgufFile& file, std::string_view architecture) : file_(file), prefix_(cat(architecture, ".")) {}

  std::string full(const char* key) const { return prefix_ + key; }
  [[noreturn]] void fail(const char* key, const std::string& message) const {
    throw Error(ErrorKind::kBadData, "gguf_metadata", message, file_.where(full(key)));
  }
  std::optional<std::int64_t> size_if(const char* key) const {
    const auto value = file_.integer(full(key));
    if (value && (*value < 1 || *value > kMostSize)) fail(key, cat("expected a size in 1..2^31, found ", *value));
    return value;
  }
  std::int64_t size(const char* key) const {
    const auto value = size_if(key);
    if (!value) fail(key, "the key is missing");
    return *value;
  }
  double positive(const char* key, std::optional<double> otherwise = std::nullopt) const {
    const auto value = file_.number(full(key));
    if (!value && otherwise) return *otherwise;
    if (!value) fail(key, "the key is missing");
    if (!(*value > 0) || *value > 1e30) fail(key, cat("expected a positive number, found ", *value));
    return *value;
  }
  std::optional<std::string_view> text(const char* key) const { return file_.text(full(key)); }

 private:
  const GgufFile& file_;
  std::string prefix_;
};

std::int64_t vocabulary_size(const GgufFile& file, const Keys& keys) {
  if (const auto size = keys.size_if("vocab_size")) return *size;
  if (const auto* tokens = file.value("tokenizer.ggml.tokens")) return static_cast<std::int64_t>(tokens->count());
  keys.fail("vocab_size", "the key is missing, and there is no tokenizer.ggml.tokens either");
}

void add_special_ids(const GgufFile& file, Json& config) {
  constexpr std::pair<const char*, const char*> kIds[] = {{"tokenizer.ggml.bos_token_id", "bos_token_id"},
                                                          {"tokenizer.ggml.eos_token_id", "eos_token_id"},
                                                          {"tokenizer.ggml.padding_token_id", "pad_token_id"}};
  const auto tokens = config["vocab_size"].get<std::int64_t>();
  for (const auto& [key, name] : kIds) {
    const auto id = file.integer(key);
    if (!id) continue;
    if (*id < 0 || *id >= tokens)
      throw Error(ErrorKind::kBadData, "gguf_metadata", cat("the id ", *id, " is not in 0..", tokens - 1),
                  file.where(key));
    config[name] = *id;
  }
}

// The scaling that metadata describes; Llama 3's is not there but in a tensor.
void add_rope_scaling(const GgufFile& file, const Keys& keys, Json& config) {
  if (const auto* divisors = file.find("rope_freqs.weight")) {
    config["rope_scaling"] = llama3_rope_scaling(file, *divisors, config["rope_theta"].get<double>(),
                                                 config["head_dim"].get<std::int64_t>());
    return;
  }
  const auto type = keys.text("rope.scaling.type");
  if (!type || *type == "none") return;
  if (*type != "linear" && *type != "yarn")
    keys.fail("rope.scaling.type", cat("expected none, linear or yarn, found '", printable(*type, 64), "'"));
  Json scaling = {{"rope_type", *type}, {"factor", keys.positive("rope.scaling.factor")}};
  if (const auto length = keys.size_if("rope.scaling.original_context_length"))
    scaling["original_max_position_embeddings"] = *length;
  config["rope_scaling"] = std::move(scaling);
}

}  // namespace

Json gguf_config(const GgufFile& file) {
  const auto architecture = file.text("general.architecture");
  if (!architecture || (*architecture != "llama" && *architecture != "qwen2"))
    throw Error(ErrorKind::kBadData, "gguf_architecture",
                architecture ? cat("no reader for the architecture '", printable(*architecture, 64), "'")
                             : "the key is missing",
                file.where("general.architecture"), "llama and qwen2 can be read");
  const bool llama = *architecture == "llama";
  const Keys keys(file, *architecture);
  if (keys.size_if("expert_count")) keys.fail("expert_count", "mixtures of experts are not supported");
  const auto heads = keys.size("attention.head_count");
  const auto hidden = keys.size("embedding_length");
  const auto kv_heads = keys.size_if("attention.head_count_kv").value_or(heads);
  if (heads % kv_heads != 0)
    keys.fail("attention.head_count_kv", cat(heads, " query heads do not share ", kv_heads, " key heads evenly"));
  const auto head_dim = keys.size_if("attention.key_length").value_or(hidden / heads);
  if (head_dim < 2 || head_dim % 2 != 0) keys.fail("attention.key_length", cat("a head of ", head_dim, " dimensions"));
  if (const auto rotary = keys.size_if("rope.dimension_count"); rotary && *rotary != head_dim)
    keys.fail("rope.dimension_count", cat("rotary embeddings of ", *rotary, " of ", head_dim, " dimensions of a head"));
  Json config = {
      {"architectures", {llama ? "LlamaForCausalLM" : "Qwen2ForCausalLM"}},
      {"model_type", *architecture},
      {"hidden_act", "silu"},
      {"hidden_size", hidden},
      {"intermediate_size", keys.size("feed_forward_length")},
      {"max_position_embeddings", keys.size("context_length")},
      {"num_attention_heads", heads},
      {"num_hidden_layers", keys.size("block_count")},
      {"num_key_value_heads", kv_heads},
      {"head_dim", head_dim},
      {"rms_norm_eps", keys.positive("attention.layer_norm_rms_epsilon")},
      {"rope_theta", keys.positive("rope.freq_base", 10000.0)},
      {"tie_word_embeddings", file.find("output.weight") == nullptr},
      {"vocab_size", vocabulary_size(file, keys)},
  };
  if (llama) config["attention_bias"] = file.find("blk.0.attn_q.bias") != nullptr;
  if (const auto window = keys.size_if("attention.sliding_window")) config["sliding_window"] = *window;
  add_special_ids(file, config);
  add_rope_scaling(file, keys, config);
  return config;
}

}  // namespace frugal::io::detail
