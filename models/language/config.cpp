#include "models/language/config.h"

#include "core/error.h"
#include "models/language/checkpoint_json.h"
#include "models/nn/activation_names.h"

namespace frugal {

using checkpoint_json::bad;
using checkpoint_json::parse_in;
using checkpoint_json::read_known;
using checkpoint_json::unsupported;

const OptionTable<RopeConfig>& rope_options() {
  using O = RopeConfig;
  static const auto table =
      OptionTable<O>("rotary position embedding")
          .add("rope_type", &O::rope_type,
               {.help = "scaling of the frequencies", .choices = {"default", "linear", "llama3", "yarn"}})
          .add("rope_theta", &O::rope_theta, {.help = "base of the frequencies", .min = 1})
          .add("factor", &O::factor, {.help = "how much longer the context becomes", .min = 1e-6})
          .add("low_freq_factor", &O::low_freq_factor, {.help = "llama3: slower pairs are divided by factor", .min = 0})
          .add("high_freq_factor", &O::high_freq_factor, {.help = "llama3: faster pairs stay as they are", .min = 0})
          .add("original_max_position_embeddings", &O::original_max_position_embeddings,
               {.help = "llama3, yarn: context before scaling", .unit = "tokens", .min = 1})
          .add("attention_factor", &O::attention_factor, {.help = "yarn: factor of cos and sin", .min = 0})
          .add("beta_fast", &O::beta_fast, {.help = "yarn: turns above which a pair stays as it is", .min = 0})
          .add("beta_slow", &O::beta_slow, {.help = "yarn: turns below which a pair is divided by factor", .min = 0})
          .add("mscale", &O::mscale, {.help = "yarn: of the default attention_factor"})
          .add("mscale_all_dim", &O::mscale_all_dim, {.help = "yarn: of the default attention_factor"})
          .add("truncate", &O::truncate, {.help = "yarn: round the bounds of the ramp"})
          .add("partial_rotary_factor", &O::partial_rotary_factor, {.help = "share of a head that turns; 1 only"})
          .allow("type")
          .allow("finetuned");
  return table;
}

const OptionTable<LlamaConfig>& llama_config_options() {
  using O = LlamaConfig;
  static const auto table =
      OptionTable<O>("Llama, Mistral, Qwen2")
          .add("vocab_size", &O::vocab_size, {.help = "rows of the token embedding V", .min = 1, .max = 1 << 24})
          .add("hidden_size", &O::hidden_size, {.help = "width d", .min = 1, .max = 65536})
          .add("intermediate_size", &O::intermediate_size, {.help = "width of the MLP", .min = 1, .max = 1 << 20})
          .add("num_hidden_layers", &O::num_hidden_layers, {.help = "layers L", .min = 1, .max = 1024})
          .add("num_attention_heads", &O::num_attention_heads, {.help = "query heads", .min = 1, .max = 1024})
          .add("num_key_value_heads", &O::num_key_value_heads,
               {.help = "heads of keys and values; null: as many as query heads", .min = 1, .max = 1024})
          .add("head_dim", &O::head_dim,
               {.help = "width of a head; null: hidden_size / num_attention_heads", .min = 2, .max = 65536})
          .add("max_position_embeddings", &O::max_position_embeddings,
               {.help = "longest sequence in training", .unit = "tokens", .min = 1, .max = 1 << 30})
          .add("hidden_act", &O::hidden_act, {.help = "activation of the gate", .choices = activation_names()})
          .add("rms_norm_eps", &O::rms_norm_eps, {.help = "epsilon of the norms", .min = 0, .max = 1})
          .add("initializer_range", &O::initializer_range,
               {.help = "standard deviation of new weights", .min = 0, .max = 10})
          .add("attention_dropout", &O::attention_dropout,
               {.help = "dropout of the attention probabilities", .min = 0, .max = 0.99})
          .add("tie_word_embeddings", &O::tie_word_embeddings, {.help = "the output layer is the token embedding"})
          .add("attention_bias", &O::attention_bias, {.help = "biases in attention (Llama)"})
          .add("mlp_bias", &O::mlp_bias, {.help = "biases in the MLP (Llama)"})
          .add("sliding_window", &O::sliding_window,
               {.help = "tokens that a query sees (Mistral, Qwen2); null: all", .unit = "tokens", .min = 1})
          .add("use_sliding_window", &O::use_sliding_window, {.help = "Qwen2: whether sliding_window counts"})
          .add("max_window_layers", &O::max_window_layers,
               {.help = "Qwen2: first layer with the window", .min = 0, .max = 1024})
          .add("layer_types", &O::layer_types, {.help = "Qwen2: full_attention or sliding_attention, one a layer"})
          .add("rope_theta", &O::rope_theta, {.help = "base of the rotary frequencies", .min = 1})
          .add("rope_scaling", &O::rope_scaling, {.help = "rope_type and its parameters; null: no scaling"})
          .add("rope_parameters", &O::rope_parameters, {.help = "both of the above, as transformers 5 writes them"});
  return table;
}

const OptionTable<OptConfig>& opt_config_options() {
  using O = OptConfig;
  static const auto table =
      OptionTable<O>("OPT")
          .add("vocab_size", &O::vocab_size, {.help = "rows of the token embedding V", .min = 1, .max = 1 << 24})
          .add("hidden_size", &O::hidden_size, {.help = "width d", .min = 1, .max = 65536})
          .add("num_hidden_layers", &O::num_hidden_layers, {.help = "layers L", .min = 1, .max = 1024})
          .add("ffn_dim", &O::ffn_dim, {.help = "width of the MLP", .min = 1, .max = 1 << 20})
          .add("num_attention_heads", &O::num_attention_heads, {.help = "heads", .min = 1, .max = 1024})
          .add("max_position_embeddings", &O::max_position_embeddings,
               {.help = "longest sequence", .unit = "tokens", .min = 1, .max = 1 << 24})
          .add("word_embed_proj_dim", &O::word_embed_proj_dim,
               {.help = "width of the token embedding; null: hidden_size", .min = 1, .max = 65536})
          .add("do_layer_norm_before", &O::do_layer_norm_before, {.help = "norms before attention and MLP, or after"})
          .add("_remove_final_layer_norm", &O::remove_final_layer_norm, {.help = "no norm after the last layer"})
          .add("enable_bias", &O::enable_bias, {.help = "biases of the linear layers"})
          .add("layer_norm_elementwise_affine", &O::layer_norm_elementwise_affine, {.help = "norms have weights"})
          .add("tie_word_embeddings", &O::tie_word_embeddings, {.help = "the output layer is the token embedding"})
          .add("activation_function", &O::activation_function,
               {.help = "activation of the MLP", .choices = activation_names()})
          .add("dropout", &O::dropout, {.help = "dropout after attention and MLP", .min = 0, .max = 0.99})
          .add("attention_dropout", &O::attention_dropout,
               {.help = "dropout of the attention probabilities", .min = 0, .max = 0.99})
          .add("init_std", &O::init_std, {.help = "standard deviation of new weights", .min = 0, .max = 10});
  return table;
}

std::optional<int64_t> LlamaConfig::window(int64_t layer) const {
  if (model_type == "mistral") return sliding_window;
  if (model_type != "qwen2" || !use_sliding_window || !sliding_window) return std::nullopt;
  const bool slides =
      layer_types ? (*layer_types)[static_cast<size_t>(layer)] == "sliding_attention" : layer >= max_window_layers;
  return slides ? sliding_window : std::nullopt;
}

namespace {

RopeConfig parse_rope(const LlamaConfig& c) {
  Json given = Json::object();
  for (const Json* source : {&c.rope_parameters, &c.rope_scaling}) {
    if (source->is_null() || source->empty()) continue;
    if (!source->is_object()) bad("rope_scaling and rope_parameters must be objects");
    given = *source;
  }
  if (!given.contains("rope_type")) given["rope_type"] = given.value("type", Json("default"));
  if (!given.contains("rope_theta") || given["rope_theta"].is_null()) given["rope_theta"] = c.rope_theta;
  const std::vector<std::string>& types = rope_options().infos().front().spec.choices;
  if (const Json& type = given["rope_type"];
      !type.is_string() || std::find(types.begin(), types.end(), type.get<std::string>()) == types.end())
    unsupported(cat("rope_type ", type.dump(), "; there are default, linear, llama3, yarn"));
  RopeConfig rope = read_known(rope_options(), given, Json::object(), "config.json: rope_parameters");
  if (rope.partial_rotary_factor != 1) unsupported(cat("partial_rotary_factor ", rope.partial_rotary_factor));
  if (rope.rope_type != "default" && !given.contains("factor"))
    bad(cat("rope_type ", rope.rope_type, " lacks 'factor'"));
  if (rope.rope_type == "llama3" && !(rope.high_freq_factor > rope.low_freq_factor))
    bad("high_freq_factor must be above low_freq_factor");
  if (!rope.original_max_position_embeddings) rope.original_max_position_embeddings = c.max_position_embeddings;
  return rope;
}

void check_sizes(const LlamaConfig& c) {
  if (!c.head_dim && c.hidden_size % c.num_attention_heads != 0)
    bad(cat("hidden_size ", c.hidden_size, " is not a multiple of num_attention_heads ", c.num_attention_heads));
  if (c.num_attention_heads % c.kv_heads() != 0)
    bad(cat("num_attention_heads ", c.num_attention_heads, " is not a multiple of num_key_value_heads ", c.kv_heads()));
  if (c.head_size() % 2 != 0) bad(cat("a head of width ", c.head_size(), " has no rotary pairs"));
  if (!c.layer_types) return;
  if (static_cast<int64_t>(c.layer_types->size()) != c.num_hidden_layers)
    bad(cat("layer_types names ", c.layer_types->size(), " layers of ", c.num_hidden_layers));
  for (const std::string& type : *c.layer_types)
    if (type != "full_attention" && type != "sliding_attention") unsupported(cat("a layer of type '", type, "'"));
}

// Where transformers' defaults differ between the architectures that share a table.
Json llama_defaults(const std::string& model_type) {
  if (model_type == "mistral")
    return {{"intermediate_size", 14336},
            {"num_key_value_heads", 8},
            {"max_position_embeddings", 131072},
            {"sliding_window", 4096}};
  if (model_type == "qwen2")
    return {{"vocab_size", 151936},
            {"intermediate_size", 22016},
            {"num_key_value_heads", 32},
            {"max_position_embeddings", 32768},
            {"sliding_window", 4096}};
  return Json::object();
}

}  // namespace

LlamaConfig parse_llama_config(const Json& json, const std::string& model_type, const std::string& where) {
  return parse_in(json, where, [&] {
    LlamaConfig config = read_known(llama_config_options(), json, llama_defaults(model_type), "config.json");
    config.model_type = model_type;
    check_sizes(config);
    config.rope = parse_rope(config);
    return config;
  });
}

OptConfig parse_opt_config(const Json& json, const std::string& where) {
  return parse_in(json, where, [&] {
    const OptConfig config = read_known(opt_config_options(), json, Json::object(), "config.json");
    if (config.hidden_size % config.num_attention_heads != 0)
      bad(cat("hidden_size ", config.hidden_size, " is not a multiple of num_attention_heads ",
              config.num_attention_heads));
    return config;
  });
}

}  // namespace frugal
