#include "models/language/mla_config.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/io/file.h"
#include "models/language/checkpoint_json.h"

namespace frugal {
namespace {

namespace fs = std::filesystem;
using checkpoint_json::bad;
using checkpoint_json::parse_in;
using checkpoint_json::read_known;
using checkpoint_json::unsupported;

constexpr uint64_t kMostBytes = 16U << 20U;
// YaRN's context before scaling where the file does not say.
constexpr int64_t kYarnOriginal = 4096;

// mla_layer_config.json; the defaults are those of the class that writes it as a difference.
struct LayerFile {
  int64_t kv_lora_rank = 512, qk_rope_head_dim = 64, v_head_dim = 128, qk_nope_head_dim = 128;
  std::optional<int64_t> q_lora_rank = 1536;
  int64_t num_attention_heads = 128;
  bool use_lora_layer_norm = false, attention_bias = false, use_fixed_rank_for_first_and_last_block = false;
  std::optional<double> q_energy_ratio = 0.99, kv_energy_ratio;
  double rope_theta = 10000;
  Json rope_scaling, layer_rank_list, frugal;
};

const OptionTable<LayerFile>& layer_file_options() {
  using O = LayerFile;
  static const auto table =
      OptionTable<O>("multi-head latent attention")
          .add("kv_lora_rank", &O::kv_lora_rank, {.help = "width of the latent", .min = 1, .max = 1 << 20})
          .add("q_lora_rank", &O::q_lora_rank,
               {.help = "width of the queries' latent; null: none", .min = 1, .max = 1 << 20})
          .add("qk_rope_head_dim", &O::qk_rope_head_dim, {.help = "part of a head that turns", .min = 2, .max = 65536})
          .add("v_head_dim", &O::v_head_dim, {.help = "width of a head's value", .min = 1, .max = 65536})
          .add("qk_nope_head_dim", &O::qk_nope_head_dim, {.help = "part that does not turn", .min = 1, .max = 65536})
          .add("num_attention_heads", &O::num_attention_heads, {.help = "heads", .min = 1, .max = 1024})
          .add("use_lora_layer_norm", &O::use_lora_layer_norm, {.help = "norms of the latents"})
          .add("attention_bias", &O::attention_bias, {.help = "biases"})
          .add("use_fixed_rank_for_first_and_last_block", &O::use_fixed_rank_for_first_and_last_block, {.help = ""})
          .add("q_energy_ratio", &O::q_energy_ratio, {.help = "kept energy", .min = 0, .max = 1})
          .add("kv_energy_ratio", &O::kv_energy_ratio, {.help = "kept energy", .min = 0, .max = 1})
          .add("rope_theta", &O::rope_theta, {.help = "base of the frequencies", .min = 1})
          .add("rope_scaling", &O::rope_scaling, {.help = "null: none"})
          .add("layer_rank_list", &O::layer_rank_list, {.help = "q_rank and kv_rank by layer"})
          .add("frugal", &O::frugal, {.help = "what the other keys cannot say"});
  return table;
}

struct ModelFile {
  std::vector<int64_t> attn_layers;
  int64_t n_layer = 32;
};

const OptionTable<ModelFile>& model_file_options() {
  using O = ModelFile;
  static const auto table =
      OptionTable<O>("layers with latent attention")
          .add("attn_layers", &O::attn_layers, {.help = "layers that keep their attention", .min = 0, .max = 1 << 20})
          .add("n_layer", &O::n_layer, {.help = "layers", .min = 1, .max = 1024});
  return table;
}

Json read_json(const fs::path& file) {
  if (!fs::exists(file))
    throw Error(ErrorKind::kUsage, "file_not_found", "a model with latent attention lacks this file", file.string(),
                cat(kMlaConfigFile, " and ", kMlaLayerConfigFile, " belong together"));
  return Json::parse(io::read_file(file, kMostBytes), nullptr, /*allow_exceptions=*/false);
}

double yarn_mscale(double factor, double mscale) {
  return factor <= 1 ? 1 : 0.1 * mscale * std::log(factor) + 1;
}

int64_t layer_index(const std::string& text, int64_t layers) {
  int64_t index = -1;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (failed != std::errc() || end != text.data() + text.size() || index < 0 || index >= layers)
    bad(cat("'", text, "' is no layer of ", layers));
  return index;
}

int64_t whole(const Json& json, const char* what, int64_t least, int64_t most) {
  if (!json.is_number_integer()) bad(cat(what, " must be a whole number, found ", json.dump()));
  const auto value = json.get<int64_t>();
  if (value < least || value > most) bad(cat(what, " must be ", least, " to ", most, ", found ", value));
  return value;
}

void read_ranks(const LayerFile& file, int64_t layers, MlaConfig& out) {
  if (file.layer_rank_list.is_null()) return;
  if (!file.layer_rank_list.is_object()) bad("layer_rank_list must be an object");
  for (const auto& [key, entry] : file.layer_rank_list.items()) {
    const int64_t layer = layer_index(key, layers);
    if (!out.converts(layer)) bad(cat("layer_rank_list names layer ", layer, ", which is not converted"));
    if (!entry.is_object()) bad(cat("layer_rank_list of layer ", layer, " must be an object"));
    MlaRanks& ranks = out.layers[layer];
    if (const auto query = entry.find("q_rank"); query != entry.end())
      ranks.query = query->is_null() ? 0 : whole(*query, "q_rank", 1, 1 << 20);
    ranks.kv = whole(entry.value("kv_rank", Json(ranks.kv)), "kv_rank", 1, 1 << 20);
  }
}

double number(const Json& scaling, const char* key, double otherwise) {
  const auto found = scaling.find(key);
  if (found == scaling.end() || found->is_null()) return otherwise;
  if (!found->is_number()) bad(cat("rope_scaling.", key, " must be a number, found ", found->dump()));
  return found->get<double>();
}

void read_rope(const LayerFile& file, MlaConfig& out) {
  out.rotary.rope_theta = file.rope_theta;
  const Json& scaling = file.rope_scaling;
  if (scaling.is_null()) return;
  if (!scaling.is_object()) bad("rope_scaling must be an object");
  const Json type = scaling.contains("type") ? scaling["type"] : scaling.value("rope_type", Json("default"));
  const double factor = number(scaling, "factor", 0);
  if (factor <= 0) bad("rope_scaling lacks a positive 'factor'");
  if (type == "linear") {
    out.rotary.rope_type = "linear";
    out.rotary.factor = factor;
    return;
  }
  // Early files hold the scaling of the Llama model as it was; the code that made them used it for YaRN, too.
  if (type != "yarn" && type != "llama3") unsupported(cat("rope_scaling of type ", type.dump()));
  const double original = number(scaling, "original_max_position_embeddings", kYarnOriginal);
  if (!(original >= 1 && original <= 1 << 30)) bad("original_max_position_embeddings must be 1 to 2^30");
  out.rotary = deepseek_yarn(file.rope_theta, factor, static_cast<int64_t>(original));
  out.rotary.beta_fast = number(scaling, "beta_fast", 32);
  out.rotary.beta_slow = number(scaling, "beta_slow", 1);
  const double mscale = number(scaling, "mscale", 1), all = number(scaling, "mscale_all_dim", 0);
  if (out.rotary.beta_fast <= 0 || out.rotary.beta_slow <= 0) bad("beta_fast and beta_slow must be positive");
  out.rotary.mscale = mscale;
  out.rotary.mscale_all_dim = all;
  out.rotary.attention_factor = yarn_mscale(factor, mscale) / yarn_mscale(factor, all);
  if (all != 0) out.softmax_factor = yarn_mscale(factor, all) * yarn_mscale(factor, all);
}

void read_extension(const Json& extension, const LlamaConfig& base, MlaConfig& out) {
  if (extension.is_null()) return;
  if (!extension.is_object()) bad("frugal must be an object");
  for (const auto& [key, value] : extension.items()) {
    if (key == "bf16_angles") {
      if (!value.is_boolean()) bad("frugal.bf16_angles must be true or false");
      out.bf16_angles = value.get<bool>();
    } else if (key == "rope") {
      if (value != "llama3") unsupported(cat("frugal.rope ", value.dump()));
      out.rotary = base.rope;
    } else if (key == "rope_pairs") {
      if (!value.is_object()) bad("frugal.rope_pairs must be an object");
      for (const auto& [name, list] : value.items()) {
        const int64_t layer = layer_index(name, base.num_hidden_layers);
        if (!list.is_array() || static_cast<int64_t>(list.size()) != out.rope / 2)
          bad(cat("frugal.rope_pairs of layer ", layer, " must list ", out.rope / 2, " pairs"));
        for (const Json& pair : list)
          out.pairs[layer].push_back(whole(pair, "a rotary pair", 0, base.head_size() / 2 - 1));
      }
    } else {
      unsupported(cat("frugal.", key));
    }
  }
}

void check(const MlaConfig& c, const LayerFile& file, const LlamaConfig& base) {
  if (c.rope % 2 != 0) bad(cat("qk_rope_head_dim ", c.rope, " is odd"));
  if (file.num_attention_heads != base.num_attention_heads)
    bad(cat("num_attention_heads is ", file.num_attention_heads, " here and ", base.num_attention_heads,
            " in config.json"));
}

// Only what differs from the class' default is stored.
class Difference {
 public:
  explicit Difference(Json defaults) : defaults_(std::move(defaults)) {}
  void set(const char* key, Json value) {
    if (const auto found = defaults_.find(key); found == defaults_.end() || *found != value)
      out_[key] = std::move(value);
  }
  Json take() { return std::move(out_); }

 private:
  Json defaults_, out_ = Json::object();
};

Json or_null(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json query_rank(const MlaRanks& ranks) {
  return ranks.query == 0 ? Json(nullptr) : Json(ranks.query);
}

Json rope_scaling(const MlaConfig& c) {
  if (c.rotary.rope_type == "linear") return {{"type", "linear"}, {"factor", c.rotary.factor}};
  if (c.rotary.rope_type != "yarn") return nullptr;
  Json scaling = {{"factor", c.rotary.factor},
                  {"beta_fast", c.rotary.beta_fast},
                  {"beta_slow", c.rotary.beta_slow},
                  {"mscale", c.rotary.mscale.value_or(1)},
                  {"mscale_all_dim", c.rotary.mscale_all_dim.value_or(0)},
                  {"type", "yarn"}};
  if (c.rotary.original_max_position_embeddings.value_or(kYarnOriginal) != kYarnOriginal)
    scaling["original_max_position_embeddings"] = *c.rotary.original_max_position_embeddings;
  return scaling;
}

Json extension(const MlaConfig& c) {
  Json out = Json::object();
  if (c.bf16_angles) out["bf16_angles"] = true;
  if (c.rotary.rope_type == "llama3") out["rope"] = "llama3";
  for (const auto& [layer, pairs] : c.pairs) out["rope_pairs"][std::to_string(layer)] = pairs;
  return out;
}

Json layer_file(const MlaConfig& c, const LlamaConfig& base) {
  Json defaults = {{"hidden_size", 7168},
                   {"intermediate_size", 18432},
                   {"llama_num_key_value_heads", 128},
                   {"max_position_embeddings", 4096},
                   {"attention_dropout", 0.0},
                   {"layer_rank_list", Json::object()},
                   {"frugal", Json::object()}};
  for (const OptionInfo& info : layer_file_options().infos())
    if (!defaults.contains(info.name)) defaults[info.name] = info.default_value;
  Difference out(std::move(defaults));
  out.set("model_type", "deepseek_v3");
  out.set("hidden_size", base.num_attention_heads * base.head_size());
  out.set("intermediate_size", base.intermediate_size);
  out.set("num_attention_heads", base.num_attention_heads);
  out.set("llama_num_key_value_heads", base.kv_heads());
  out.set("max_position_embeddings", base.max_position_embeddings);
  out.set("attention_dropout", base.attention_dropout);
  out.set("attention_bias", c.bias);
  out.set("kv_lora_rank", c.nominal.kv);
  out.set("q_lora_rank", query_rank(c.nominal));
  out.set("qk_nope_head_dim", c.nope);
  out.set("qk_rope_head_dim", c.rope);
  out.set("v_head_dim", c.value);
  out.set("use_lora_layer_norm", c.latent_norm);
  out.set("use_fixed_rank_for_first_and_last_block", c.fixed_first_and_last);
  out.set("q_energy_ratio", or_null(c.q_energy));
  out.set("kv_energy_ratio", or_null(c.kv_energy));
  out.set("rope_theta", c.rotary.rope_theta);
  out.set("rope_scaling", rope_scaling(c));
  Json ranks = Json::object();
  for (const auto& [layer, r] : c.layers) ranks[std::to_string(layer)] = {{"q_rank", query_rank(r)}, {"kv_rank", r.kv}};
  out.set("layer_rank_list", std::move(ranks));
  out.set("frugal", extension(c));
  return out.take();
}

}  // namespace

RopeConfig deepseek_yarn(double theta, double factor, int64_t original) {
  return {.rope_type = "yarn",
          .rope_theta = theta,
          .factor = factor,
          .original_max_position_embeddings = original,
          .attention_factor = yarn_mscale(factor, 1),
          .mscale = 1,
          .mscale_all_dim = 0};
}

bool has_mla_config(const fs::path& folder) {
  return fs::exists(folder / kMlaConfigFile) || fs::exists(folder / kMlaLayerConfigFile);
}

MlaConfig read_mla_config(const fs::path& folder, const LlamaConfig& base) {
  const fs::path model_path = folder / kMlaConfigFile, layer_path = folder / kMlaLayerConfigFile;
  const Json model_json = read_json(model_path), layer_json = read_json(layer_path);
  MlaConfig out;
  parse_in(model_json, model_path.string(), [&] {
    const auto model = read_known(model_file_options(), model_json, Json::object(), kMlaConfigFile);
    if (model.n_layer != base.num_hidden_layers)
      bad(cat("n_layer is ", model.n_layer, " here and ", base.num_hidden_layers, " in config.json"));
    for (const int64_t layer : model.attn_layers)
      if (layer >= model.n_layer) bad(cat("attn_layers names layer ", layer, " of ", model.n_layer));
    for (int64_t layer = 0; layer < model.n_layer; ++layer)
      if (std::find(model.attn_layers.begin(), model.attn_layers.end(), layer) == model.attn_layers.end())
        out.layers[layer] = {};
  });
  parse_in(layer_json, layer_path.string(), [&] {
    const auto file = read_known(layer_file_options(), layer_json, Json::object(), kMlaLayerConfigFile);
    out.nope = file.qk_nope_head_dim;
    out.rope = file.qk_rope_head_dim;
    out.value = file.v_head_dim;
    out.latent_norm = file.use_lora_layer_norm;
    out.bias = file.attention_bias;
    out.nominal = {.query = file.q_lora_rank.value_or(0), .kv = file.kv_lora_rank};
    out.q_energy = file.q_energy_ratio;
    out.kv_energy = file.kv_energy_ratio;
    out.fixed_first_and_last = file.use_fixed_rank_for_first_and_last_block;
    check(out, file, base);
    for (auto& [layer, ranks] : out.layers) ranks = out.nominal;
    read_ranks(file, base.num_hidden_layers, out);
    read_rope(file, out);
    read_extension(file.frugal, base, out);
  });
  return out;
}

std::map<std::string, Json> mla_files(const MlaConfig& config, const LlamaConfig& base) {
  Json kept = Json::array();
  for (int64_t layer = 0; layer < base.num_hidden_layers; ++layer)
    if (!config.converts(layer)) kept.push_back(layer);
  Json model = {{"d_model", base.hidden_size},
                {"rms_norm_eps", base.rms_norm_eps},
                {"vocab_size", nullptr},
                {"d_inner", base.num_attention_heads * base.head_size()},
                {"d_xb", base.kv_heads() * base.head_size()},
                {"intermediate_size", base.intermediate_size},
                {"hidden_act", base.hidden_act},
                {"n_layer", base.num_hidden_layers},
                {"attn_layers", std::move(kept)}};
  return {{kMlaConfigFile, std::move(model)}, {kMlaLayerConfigFile, layer_file(config, base)}};
}

}  // namespace frugal
