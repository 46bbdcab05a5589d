#include "methods/x_ecomla/plan.h"

#include <algorithm>

#include "core/error.h"

namespace frugal::x_ecomla {
namespace {

[[noreturn]] void bad(const char* key, const std::string& message, const std::string& hint = {}) {
  throw Error(ErrorKind::kUsage, "bad_value", message, cat("method.", key), hint);
}

bool is_svd(const XEcomlaOptions& o) {
  return o.init == "svd";
}

void check_sizes(const XEcomlaOptions& o, const AttentionSizes& s) {
  if (s.rope % 2 != 0) bad("d_rope", cat("d_rope ", s.rope, " is odd; rotary pairs need an even one"));
  if (s.rope > s.head) bad("d_rope", cat("d_rope is ", s.rope, ", a head has ", s.head));
  if (s.nope > s.head) bad("d_nope", cat("d_nope is ", s.nope, ", a head has ", s.head));
  if (o.rotary() == RopeInit::kCode) return;
  if (!is_svd(o)) bad("rope_init", cat("init=random takes nothing from the base's pairs"), "method.rope_init=code");
  if (s.nope % 2 != 0 || s.nope > s.head - s.rope)
    bad("d_nope", cat("with whole rotary pairs d_nope is even and at most ", s.head - s.rope, ", found ", s.nope));
  if (o.rope_mode != "yarn_code")
    bad("rope_mode", "whole rotary pairs turn at the base's own frequencies", "method.rope_mode=yarn_code");
  if (o.emulate_bf16_bug) bad("emulate_bf16_bug", "the bug is one of the authors' code: rope_init=code");
}

// full: directions there are.
void check_rank(const char* key, int64_t rank, int64_t full) {
  if (rank % kRankStep != 0)
    bad(key, cat("ranks are multiples of ", kRankStep, ", found ", rank),
        cat("method.", key, "=", rank / kRankStep * kRankStep, " or ", (rank / kRankStep + 1) * kRankStep));
  if (rank > full) bad(key, cat("rank ", rank, " of a matrix of rank ", full));
}

RopeConfig rotary_of(const XEcomlaOptions& o, const LlamaConfig& base) {
  const RopeConfig plain{.rope_theta = base.rope.rope_theta};
  if (o.rotary() != RopeInit::kCode || o.rope_mode == "plain") return plain;
  if (o.rope_mode == "llama3") return base.rope;
  return base.rope.rope_type == "default" ? plain : deepseek_yarn(base.rope.rope_theta, base.rope.factor, o.yarn_m);
}

}  // namespace

AttentionSizes attention_sizes(const XEcomlaOptions& options, const LlamaConfig& base) {
  return {.hidden = base.hidden_size,
          .heads = base.num_attention_heads,
          .kv_heads = base.kv_heads(),
          .head = base.head_size(),
          .nope = options.d_nope.value_or(base.head_size() / 2),
          .rope = options.d_rope.value_or(base.head_size() / 2)};
}

MlaConfig make_plan(const XEcomlaOptions& options, const LlamaConfig& base) {
  const AttentionSizes s = attention_sizes(options, base);
  check_sizes(options, s);
  MlaConfig config{.nope = s.nope, .rope = s.rope, .value = s.head, .latent_norm = options.latent_ln};
  config.nominal.kv = options.r_kv.value_or(budget_kv_rank(s, options.kv_budget));
  config.nominal.query = options.r_q.value_or(matched_query_rank(s, config.nominal.kv));
  const int64_t kept = options.rotary() == RopeInit::kCode ? 2 * s.head : s.nope + s.head;
  const int64_t most = is_svd(options) ? std::min(s.hidden, s.kv_heads * kept) : int64_t{1} << 20;
  check_rank("r_kv", config.nominal.kv, most);
  check_rank("r_q", config.nominal.query, is_svd(options) ? std::min(s.hidden, s.heads * s.head) : int64_t{1} << 20);
  for (const int64_t layer : chosen_layers(options.layers, base.num_hidden_layers))
    config.layers[layer] = config.nominal;
  config.rotary = rotary_of(options, base);
  config.bf16_angles = options.emulate_bf16_bug && config.rotary.rope_type == "default";
  if (options.ranks() != RankMode::kDynamic) return config;
  config.q_energy = options.delta_q;
  config.kv_energy = options.delta_kv;
  config.fixed_first_and_last = options.fix_first_last;
  return config;
}

void choose_ranks(const XEcomlaOptions& o, const std::vector<LayerEnergies>& energies, int64_t layers,
                  MlaConfig& config) {
  if (o.ranks() == RankMode::kGlobal) {
    std::vector<Energies> queries, keys;
    for (const LayerEnergies& e : energies) {
      queries.push_back(e.query);
      keys.push_back(e.key_value);
    }
    const auto q = global_ranks(queries, config.nominal.query), kv = global_ranks(keys, config.nominal.kv);
    size_t i = 0;
    for (auto& [layer, ranks] : config.layers) {
      ranks = {.query = q[i], .kv = kv[i]};
      ++i;
    }
    return;
  }
  size_t i = 0;
  int64_t before = config.nominal.kv;
  for (auto& [layer, ranks] : config.layers) {
    const LayerEnergies& e = energies[i++];
    if (o.fix_first_last && (layer == 0 || layer == layers - 1)) {
      // The authors' code keeps the rank in an object that all layers share, so that this one reads its predecessor's.
      ranks = {.query = config.nominal.query, .kv = o.emulate_rank_bug ? before : config.nominal.kv};
    } else {
      ranks = {.query = energy_rank(e.query, o.delta_q, o.rank_rule),
               .kv = energy_rank(e.key_value, o.delta_kv, o.rank_rule)};
    }
    before = ranks.kv;
  }
}

}  // namespace frugal::x_ecomla
