#include "models/text/bert_config.h"

#include "core/error.h"
#include "models/nn/activation_names.h"

namespace frugal {

const OptionTable<BertConfig>& bert_config_options() {
  static const auto table =
      OptionTable<BertConfig>("BERT")
          .add("vocab_size", &BertConfig::vocab_size, {.help = "rows of the word embedding", .min = 1, .max = 1 << 24})
          .add("hidden_size", &BertConfig::hidden_size, {.help = "width d", .min = 1, .max = 65536})
          .add("num_hidden_layers", &BertConfig::num_hidden_layers, {.help = "layers N", .min = 1, .max = 1024})
          .add("num_attention_heads", &BertConfig::num_attention_heads, {.help = "heads", .min = 1, .max = 1024})
          .add("intermediate_size", &BertConfig::intermediate_size,
               {.help = "width of the MLP", .min = 1, .max = 1 << 20})
          .add("max_position_embeddings", &BertConfig::max_position_embeddings,
               {.help = "longest sequence", .unit = "tokens", .min = 1, .max = 1 << 20})
          .add("type_vocab_size", &BertConfig::type_vocab_size, {.help = "token types", .min = 1, .max = 1024})
          .add("pad_token_id", &BertConfig::pad_token_id, {.help = "id of the padding token", .min = 0})
          .add("hidden_act", &BertConfig::hidden_act, {.help = "activation of the MLP", .choices = activation_names()})
          .add("hidden_dropout_prob", &BertConfig::hidden_dropout_prob, {.help = "dropout", .min = 0, .max = 0.99})
          .add("attention_probs_dropout_prob", &BertConfig::attention_probs_dropout_prob,
               {.help = "dropout of the attention probabilities", .min = 0, .max = 0.99})
          .add("layer_norm_eps", &BertConfig::layer_norm_eps, {.help = "epsilon of the norms", .min = 0, .max = 1})
          .add("initializer_range", &BertConfig::initializer_range,
               {.help = "standard deviation of new weights", .min = 0, .max = 10})
          .add("classifier_dropout", &BertConfig::classifier_dropout,
               {.help = "dropout before the classifier; null: hidden_dropout_prob", .min = 0, .max = 0.99});
  return table;
}

namespace {

// Keys whose other values are another network with the same tensor names.
void refuse_other_variants(const Json& json, const std::string& where) {
  const std::pair<const char*, Json> ours[] = {
      {"position_embedding_type", "absolute"}, {"is_decoder", false}, {"add_cross_attention", false}};
  for (const auto& [key, value] : ours)
    if (const auto found = json.find(key); found != json.end() && *found != value)
      throw Error(ErrorKind::kBadData, "unsupported_config",
                  cat("'", key, "' is ", found->dump(), ", this BERT knows ", value.dump(), " only"), where);
}

}  // namespace

BertConfig parse_bert_config(const Json& json, const std::string& where) {
  if (!json.is_object()) throw Error(ErrorKind::kBadData, "bad_config", "config.json must hold an object", where);
  refuse_other_variants(json, where);
  Json known = Json::object();
  for (const OptionInfo& info : bert_config_options().infos())
    if (const auto found = json.find(info.name); found != json.end()) known[info.name] = *found;
  try {
    const BertConfig config = bert_config_options().read(known, "config.json");
    if (config.hidden_size % config.num_attention_heads != 0)
      throw Error(ErrorKind::kBadData, "bad_config",
                  cat("hidden_size ", config.hidden_size, " is not a multiple of num_attention_heads ",
                      config.num_attention_heads));
    return config;
  } catch (const Error& error) {
    throw Error(ErrorKind::kBadData, "bad_config", error.message(), where, error.hint());
  }
}

}  // namespace frugal
