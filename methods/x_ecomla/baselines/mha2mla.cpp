#include "methods/x_ecomla/baselines/mha2mla.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

#include "core/error.h"
#include "core/log.h"
#include "methods/x_ecomla/activations.h"
#include "methods/x_ecomla/exchange.h"
#include "methods/x_ecomla/options.h"
#include "methods/x_ecomla/svd.h"

namespace frugal::x_ecomla {
namespace {

[[noreturn]] void bad(const char* key, const std::string& message) {
  throw Error(ErrorKind::kUsage, "bad_value", message, cat("method.", key));
}

// [n, heads * d_h] -> [heads, d_h/2]: sums over rows of the norms of a head's pairs (i, i + d_h/2).
at::Tensor pair_norm_sums(const at::Tensor& projected, int64_t head) {
  const at::Tensor halves = projected.to(at::kDouble).view({projected.size(0), -1, 2, head / 2});
  return halves.square().sum(2).sqrt().sum(0);
}

struct Norms {
  at::Tensor query, key;
};

void add(at::Tensor& sum, const at::Tensor& more) {
  sum = sum.defined() ? sum + more : more;
}

std::map<int64_t, HeadPairs> pairs_by_norm(Decoder& model, const Mha2MlaOptions& o, int64_t head,
                                           const MethodContext& context) {
  const CalibrationTokens tokens = calibration_tokens(context, "partial_rope_version=2-norm chooses by activations");
  std::map<int64_t, Norms> sums;
  observe(model, tokens, o.calibration_batch_size,
          [&](int64_t layer, const at::Tensor&, const at::Tensor& query, const at::Tensor& key) {
            add(sums[layer].query, pair_norm_sums(query, head));
            add(sums[layer].key, pair_norm_sums(key, head));
          });
  std::map<int64_t, HeadPairs> pairs;
  const auto n = static_cast<double>(tokens.ids.size());
  for (const auto& [layer, norms] : sums)
    pairs[layer] = largest_pairs(norms.query / n, norms.key / n, o.rope_dim_for_mla);
  return pairs;
}

// Which rows of stacked heads turn, first halves of a head's pairs before second ones, and which do not.
struct Rows {
  std::vector<int64_t> turning, still;
};

Rows sorted_rows(const HeadPairs& pairs, int64_t head, int64_t repeats) {
  Rows rows;
  int64_t first = 0;
  for (const auto& chosen : pairs) {
    const auto turns = [&](int64_t i) {
      return std::find(chosen.begin(), chosen.end(), i % (head / 2)) != chosen.end();
    };
    for (int64_t repeat = 0; repeat < repeats; ++repeat, first += head)
      for (int64_t i = 0; i < head; ++i) (turns(i) ? rows.turning : rows.still).push_back(first + i);
  }
  return rows;
}

at::Tensor picked(const at::Tensor& weight, const std::vector<int64_t>& rows) {
  return weight.index_select(0, at::tensor(rows, at::kLong).to(weight.device()));
}

void check(const Mha2MlaOptions& o, const LlamaConfig& base) {
  const int64_t head = base.head_size(), r = o.rope_dim_for_mla;
  if (r % 2 != 0 || r > head) bad("rope_dim_for_mla", cat("r must be even and at most a head's ", head, ", found ", r));
  if (r == head && o.svd_init_method == "split")
    bad("svd_init_method", "where all of the keys turns there is no latent of theirs: svd_init_method=joint");
  const int64_t still = base.kv_heads() * (head - r), values = base.kv_heads() * head;
  const int64_t rows = o.svd_init_method == "joint" ? still + values : std::min(still, values);
  const int64_t full = std::min(rows, base.hidden_size), m = o.low_rank * base.kv_heads();
  if (m > full)
    bad("low_rank", cat("a latent of ", o.low_rank, " times ", base.kv_heads(), " key heads is wider than the rank ",
                        full, " of what it stands for"));
}

PartialRopeConfig plan(Decoder& model, const Mha2MlaOptions& o, const LlamaConfig& base, const MethodContext& context) {
  check(o, base);
  PartialRopeConfig config{.partial_rope_version = o.partial_rope_version,
                           .rope_dim_for_mla = o.rope_dim_for_mla,
                           .uniform_start_point = o.uniform_start_point,
                           .svd_init_method = o.svd_init_method,
                           .low_rank = o.low_rank,
                           .layers = {}};
  const std::vector<int64_t> layers = chosen_layers(o.layers, base.num_hidden_layers);
  for (const int64_t layer : layers) grouped(model, layer);
  if (o.partial_rope_version == "2-norm") {
    const auto pairs = pairs_by_norm(model, o, base.head_size(), context);
    for (const int64_t layer : layers) config.layers[layer] = pairs.at(layer);
    return config;
  }
  try {
    const auto pairs =
        rotary_pairs(o.partial_rope_version, base.head_size(), o.rope_dim_for_mla, o.uniform_start_point);
    for (const int64_t layer : layers) config.layers[layer] = HeadPairs(static_cast<size_t>(base.kv_heads()), pairs);
  } catch (const Error& error) {
    bad(o.uniform_start_point == 0 ? "rope_dim_for_mla" : "uniform_start_point", error.message());
  }
  return config;
}

void exchange(Decoder& model, int64_t layer, const PartialRopeConfig& config, const LlamaConfig& base) {
  const GroupedAttention& old = grouped(model, layer);
  const PartialRopeWeights w =
      partial_rope_weights(old, config.layers.at(layer), config.latent(base), config.is_joint());
  const at::Tensor output = old.output().weight;
  const std::shared_ptr<const Rotary> rotary = old.spec().rotary;
  const std::string prefix = cat("model.layers.", layer, ".self_attn.");
  const std::map<std::string, at::Tensor> values = {{"q_proj", w.query},
                                                    {"k_r_proj", w.key_rope},
                                                    {"kv_proj.down_kv", w.down_key},
                                                    {"kv_proj.down_k", w.down_key},
                                                    {"kv_proj.down_v", w.down_value},
                                                    {"kv_proj.up_k", w.up_key},
                                                    {"kv_proj.up_v", w.up_value},
                                                    {"o_proj", output}};
  model.parameters().remove([&](std::string_view name) { return name.starts_with(prefix); });
  model.layer(layer).attention =
      make_partial_rope(layer, config, base, rotary, [&](const std::string& name, at::IntArrayRef, Init) {
        const std::string key = name.substr(prefix.size(), name.rfind('.') - prefix.size());
        return model.parameters().add(name, values.at(key).to(output.options().requires_grad(false)).contiguous());
      });
}

}  // namespace

HeadPairs largest_pairs(const at::Tensor& query_norms, const at::Tensor& key_norms, int64_t r) {
  const int64_t kv_heads = key_norms.size(0), pairs = key_norms.size(1);
  const at::Tensor scores = (query_norms.view({kv_heads, -1, pairs}) * key_norms.unsqueeze(1)).sum(1);
  const at::Tensor order = std::get<1>(scores.to(at::kCPU).sort(/*stable=*/true, /*dim=*/1, /*descending=*/true));
  HeadPairs out;
  for (int64_t h = 0; h < kv_heads; ++h) {
    const at::Tensor chosen = order.select(0, h).narrow(0, 0, r / 2).contiguous();
    const auto* data = chosen.const_data_ptr<int64_t>();
    out.emplace_back(data, data + chosen.numel());
    std::sort(out.back().begin(), out.back().end());
  }
  return out;
}

PartialRopeWeights partial_rope_weights(const GroupedAttention& attention, const HeadPairs& pairs, int64_t rank,
                                        bool joint) {
  const GroupedAttentionSpec& s = attention.spec();
  const Rows q_rows = sorted_rows(pairs, s.head_size, s.heads / s.kv_heads),
             k_rows = sorted_rows(pairs, s.head_size, 1);
  const at::Tensor q = attention.query().weight.to(at::kDouble), k = attention.key().weight.to(at::kDouble),
                   v = attention.value().weight.to(at::kDouble);
  PartialRopeWeights w{.query = at::cat({picked(q, q_rows.turning), picked(q, q_rows.still)}),
                       .key_rope = picked(k, k_rows.turning)};
  const at::Tensor still = picked(k, k_rows.still);
  const auto cut = [&](const at::Tensor& matrix) { return factors(decompose(matrix), rank, SigmaSide::kUp); };
  if (joint) {
    const Factors both = cut(at::cat({still, v}));
    w.down_key = both.down;
    w.up_key = both.up.narrow(0, 0, still.size(0));
    w.up_value = both.up.narrow(0, still.size(0), v.size(0));
  } else {
    const Factors keys = cut(still), values = cut(v);
    w.down_key = keys.down;
    w.up_key = keys.up;
    w.down_value = values.down;
    w.up_value = values.up;
  }
  return w;
}

std::shared_ptr<LanguageModel> Mha2MlaMethod::apply(std::shared_ptr<LanguageModel> model,
                                                    const MethodContext& context) {
  const at::NoGradGuard no_grad;
  const auto decoder = llama_decoder(model, "MHA2MLA");
  const LlamaConfig base = llama_config(*decoder);
  if (!chosen_layers(options_.layers, base.num_hidden_layers).empty()) {
    if (decoder->checkpoint_config().contains(kPartialRopeKey) || !decoder->checkpoint_files().empty())
      throw Error(ErrorKind::kUsage, "method_does_not_fit", "the model was converted before", "method");
    const PartialRopeConfig config = plan(*decoder, options_, base, context);
    for (const auto& [layer, pairs] : config.layers) exchange(*decoder, layer, config, base);
    Json json = decoder->checkpoint_config();
    json[kPartialRopeKey] = partial_rope_json(config, base);
    decoder->set_checkpoint_config(std::move(json));
    const int64_t cached =
        (config.is_joint() ? 1 : 2) * config.latent(base) + base.kv_heads() * config.rope_dim_for_mla;
    log::info("mha2mla: ", config.layers.size(), " of ", base.num_hidden_layers, " layers, ", cached,
              " numbers a token and layer of the base's ", 2 * base.kv_heads() * base.head_size());
  }
  decoder->parameters().set_trainable([&](std::string_view name) {
    return !options_.is_freeze_non_attn || name.find("attn") != std::string_view::npos ||
           name.find("norm") != std::string_view::npos;
  });
  return model;
}

}  // namespace frugal::x_ecomla
