#include "models/language/partial_rope_config.h"

#include <algorithm>

#include "models/language/checkpoint_json.h"

namespace frugal {
namespace {

using checkpoint_json::bad;
using checkpoint_json::parse_in;
using checkpoint_json::read_known;
using checkpoint_json::unsupported;

// The keys of the authors' arguments that decide what a layer is.
struct Arguments {
  std::string partial_rope_version = "high";
  int64_t rope_dim_for_mla = 0, uniform_start_point = 0;
  std::string svd_init_method = "none";
  int64_t low_rank = 8;
  bool is_baseline = false, is_gqa2mha2mla = false;
  Json frugal;
};

const OptionTable<Arguments>& argument_options() {
  using O = Arguments;
  static const auto table =
      OptionTable<O>("partial rotary positions")
          .add("partial_rope_version", &O::partial_rope_version, {.help = "which pairs turn"})
          .add("rope_dim_for_mla", &O::rope_dim_for_mla, {.help = "of a head that turns", .min = 0, .max = 65536})
          .add("uniform_start_point", &O::uniform_start_point, {.help = "first of `uniform`", .min = 0, .max = 65536})
          .add("svd_init_method", &O::svd_init_method, {.help = "latents"})
          .add("low_rank", &O::low_rank, {.help = "of a latent for each key head", .min = 0, .max = 1 << 20})
          .add("is_baseline", &O::is_baseline, {.help = "the model as it was"})
          .add("is_gqa2mha2mla", &O::is_gqa2mha2mla, {.help = "key heads repeated"})
          .add("frugal", &O::frugal, {.help = "layers and pairs"});
  return table;
}

std::vector<int64_t> whole_numbers(const Json& list, const std::string& what, int64_t most) {
  if (!list.is_array()) bad(cat(what, " must be a list"));
  std::vector<int64_t> out;
  for (const Json& item : list) {
    if (!item.is_number_integer()) bad(cat(what, " must hold whole numbers, found ", item.dump()));
    const auto value = item.get<int64_t>();
    if (value < 0 || value > most) bad(cat(what, " must be 0 to ", most, ", found ", value));
    if (!out.empty() && value <= out.back()) bad(cat(what, " must ascend"));
    out.push_back(value);
  }
  return out;
}

std::vector<int64_t> converted_layers(const Json& extension, int64_t count) {
  if (extension.contains("layers")) return whole_numbers(extension["layers"], "mha2mla.frugal.layers", count - 1);
  std::vector<int64_t> all;
  all.reserve(static_cast<size_t>(count));
  for (int64_t l = 0; l < count; ++l) all.push_back(l);
  return all;
}

HeadPairs listed_pairs(const Json& extension, int64_t layer, const LlamaConfig& base, int64_t r) {
  const std::string name = cat("mha2mla.frugal.rope_pairs of layer ", layer);
  const auto pairs = extension.find("rope_pairs");
  if (pairs == extension.end() || !pairs->is_object() || !pairs->contains(std::to_string(layer)))
    unsupported(cat("partial_rope_version 2-norm needs ", name, "; the authors keep ranks in a file beside"));
  const Json& heads = (*pairs)[std::to_string(layer)];
  if (!heads.is_array() || static_cast<int64_t>(heads.size()) != base.kv_heads())
    bad(cat(name, " must have ", base.kv_heads(), " heads"));
  HeadPairs out;
  for (const Json& head : heads) {
    out.push_back(whole_numbers(head, name, base.head_size() / 2 - 1));
    if (static_cast<int64_t>(out.back().size()) != r / 2) bad(cat(name, " must list ", r / 2, " pairs a head"));
  }
  return out;
}

PartialRopeConfig read(const Arguments& a, const LlamaConfig& base) {
  if (a.svd_init_method != "joint" && a.svd_init_method != "split")
    unsupported(cat("mha2mla.svd_init_method '", a.svd_init_method, "'; joint and split are"));
  if (a.is_gqa2mha2mla) unsupported("mha2mla.is_gqa2mha2mla, key heads repeated");
  if (base.query_key_value_bias()) unsupported("mha2mla in attention with biases");
  const int64_t head = base.head_size(), r = a.rope_dim_for_mla;
  if (r < 2 || r % 2 != 0 || r > head) bad(cat("mha2mla.rope_dim_for_mla must be even, 2 to ", head, ", found ", r));
  if (r == head && a.svd_init_method == "split") unsupported("mha2mla.svd_init_method 'split' of keys that all turn");
  if (a.low_rank < 1) bad("mha2mla.low_rank must be at least 1");
  PartialRopeConfig out{.partial_rope_version = a.partial_rope_version,
                        .rope_dim_for_mla = r,
                        .uniform_start_point = a.uniform_start_point,
                        .svd_init_method = a.svd_init_method,
                        .low_rank = a.low_rank,
                        .layers = {}};
  const Json extension = a.frugal.is_null() ? Json::object() : a.frugal;
  if (!extension.is_object()) bad("mha2mla.frugal must be an object");
  for (const int64_t layer : converted_layers(extension, base.num_hidden_layers))
    out.layers[layer] = a.partial_rope_version == "2-norm"
                            ? listed_pairs(extension, layer, base, r)
                            : HeadPairs(static_cast<size_t>(base.kv_heads()),
                                        rotary_pairs(a.partial_rope_version, head, r, a.uniform_start_point));
  return out;
}

}  // namespace

std::vector<int64_t> rotary_pairs(std::string_view rule, int64_t head_size, int64_t r, int64_t start) {
  const int64_t half = head_size / 2, count = r / 2;
  int64_t first = 0, step = 1;
  if (rule == "low") {
    first = half - count;
  } else if (rule == "uniform") {
    step = head_size / r;
    first = start;
    if (head_size % r != 0 || half % step != 0 || start >= step)
      bad(cat("every ", step, "-th pair from ", start, " on: r must divide the head's ", head_size,
              ", and uniform_start_point must be below ", step));
  } else if (rule != "high") {
    unsupported(cat("partial_rope_version '", rule, "'"));
  }
  std::vector<int64_t> pairs;
  pairs.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) pairs.push_back(first + i * step);
  return pairs;
}

std::optional<PartialRopeConfig> read_partial_rope(const Json& config_json, const LlamaConfig& base,
                                                   const std::string& where) {
  const auto found = config_json.find(kPartialRopeKey);
  if (found == config_json.end() || found->is_null()) return std::nullopt;
  return parse_in(*found, where, [&]() -> std::optional<PartialRopeConfig> {
    const auto arguments = read_known(argument_options(), *found, Json::object(), kPartialRopeKey);
    if (arguments.is_baseline) return std::nullopt;
    return read(arguments, base);
  });
}

Json partial_rope_json(const PartialRopeConfig& c, const LlamaConfig& base) {
  Json out = {{"partial_rope_version", c.partial_rope_version},
              {"rope_dim_for_mla", c.rope_dim_for_mla},
              {"uniform_start_point", c.uniform_start_point},
              {"qk_tensor_path", nullptr},
              {"svd_init_method", c.svd_init_method},
              {"low_rank", c.low_rank},
              {"is_baseline", false},
              {"is_gqa2mha2mla", false},
              {"is_mla_from_scratch", false}};
  Json extension = Json::object();
  if (static_cast<int64_t>(c.layers.size()) != base.num_hidden_layers) {
    extension["layers"] = Json::array();
    for (const auto& [layer, pairs] : c.layers) extension["layers"].push_back(layer);
  }
  if (c.partial_rope_version == "2-norm")
    for (const auto& [layer, pairs] : c.layers) extension["rope_pairs"][std::to_string(layer)] = pairs;
  if (!extension.empty()) out["frugal"] = std::move(extension);
  return out;
}

}  // namespace frugal
