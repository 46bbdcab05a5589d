#include "methods/x_ecomla/options.h"

#include <algorithm>

#include "core/error.h"

namespace frugal::x_ecomla {
namespace {

[[noreturn]] void bad_layers(const std::string& message) {
  throw Error(ErrorKind::kUsage, "bad_value", message, "method.layers", "all, [] or a list such as [1,3,5]");
}

}  // namespace

RankMode XEcomlaOptions::ranks() const {
  return rank_mode == "fixed" ? RankMode::kFixed : rank_mode == "dynamic" ? RankMode::kDynamic : RankMode::kGlobal;
}

SigmaSide XEcomlaOptions::sigma() const {
  return sigma_side == "down" ? SigmaSide::kDown : sigma_side == "up" ? SigmaSide::kUp : SigmaSide::kSqrt;
}

RopeInit XEcomlaOptions::rotary() const {
  return rope_init == "code"         ? RopeInit::kCode
         : rope_init == "pair_high"  ? RopeInit::kPairHigh
         : rope_init == "pair_low"   ? RopeInit::kPairLow
         : rope_init == "pair_2norm" ? RopeInit::kPair2Norm
                                     : RopeInit::kRorope;
}

const OptionTable<XEcomlaOptions>& x_ecomla_options() {
  using O = XEcomlaOptions;
  static const auto table = [] {
    OptionTable<O> made("X-EcoMLA");
    made.add("layers", &O::layers, {.help = "layers that are converted: all, or a list; [] leaves the model as it is"})
        .add(
            "r_q", &O::r_q,
            {.help = "rank of the queries; null: as many parameters as the base attention has", .min = 8, .max = 65536})
        .add("r_kv", &O::r_kv, {.help = "rank of keys and values; null: what kv_budget leaves", .min = 8, .max = 65536})
        .add("kv_budget", &O::kv_budget,
             {.help = "without r_kv: bytes of the cache, as a share of the base layer's", .min = 0, .max = 1})
        .add("d_nope", &O::d_nope, {.help = "part of a head without positions; null: half", .min = 1, .max = 65536})
        .add("d_rope", &O::d_rope, {.help = "part of a head that turns; null: half", .min = 2, .max = 65536})
        .add("rank_mode", &O::rank_mode,
             {.help = "r_q and r_kv in every layer; by the energy of each layer; or with r_q and r_kv as the mean over "
                      "the layers, where they keep most",
              .choices = {"fixed", "dynamic", "global"}})
        .add("delta_q", &O::delta_q, {.help = "dynamic: energy that r_q keeps", .min = 1e-6, .max = 1})
        .add("delta_kv", &O::delta_kv, {.help = "dynamic: energy that r_kv keeps", .min = 1e-6, .max = 1})
        .add("rank_rule", &O::rank_rule,
             {.help = "dynamic: prefixes of at most that energy (code), or the first of at least it (paper)",
              .choices = {"code", "paper"}})
        .add("fix_first_last", &O::fix_first_last, {.help = "dynamic: r_q and r_kv in the first and the last layer"})
        .add("emulate_rank_bug", &O::emulate_rank_bug,
             {.help = "dynamic: the last layer gets the r_kv of the one before it, as in the authors' code"})
        .add("latent_ln", &O::latent_ln, {.help = "RMSNorm of both latents"})
        .add("init", &O::init, {.help = "where the projections come from", .choices = {"svd", "random"}})
        .add("sigma_side", &O::sigma_side,
             {.help = "projection that gets the singular values: down (code), up (paper), their roots in both",
              .choices = {"down", "up", "sqrt"}})
        .add("svd_metric", &O::svd_metric,
             {.help = "error that the SVD makes least: of the weights, behind the gain of the layer's norm, or of what "
                      "the weights give on calibration tokens (CARE)",
              .choices = {"weight", "norm_gain", "activation"}})
        .add("rope_init", &O::rope_init,
             {.help = "what turns: the last rows of a head at new frequencies (code), or whole rotary pairs at their "
                      "own: fast ones, slow ones, those of largest norm, principal components of a pair's keys",
              .choices = {"code", "pair_high", "pair_low", "pair_2norm", "rorope"}})
        .add("rope_mode", &O::rope_mode,
             {.help = "rope_init=code: YaRN where the base model scales its frequencies (code), no scaling, or the "
                      "base's own",
              .choices = {"yarn_code", "plain", "llama3"}})
        .add("yarn_m", &O::yarn_m,
             {.help = "YaRN's context before scaling: 8192 when the paper was written, 4096 in the code since",
              .unit = "tokens",
              .min = 1,
              .max = 1 << 30})
        .add("emulate_bf16_bug", &O::emulate_bf16_bug,
             {.help = "angles of bf16 numbers, as the authors' models without scaling have them"})
        .add("freeze_non_mla", &O::freeze_non_mla, {.help = "train the new attention only"});
    add_calibration(made);
    return made;
  }();
  return table;
}

const OptionTable<KvQuantOptions>& kv_quant_options() {
  using O = KvQuantOptions;
  static const auto table =
      OptionTable<O>("integer keys and values")
          .add("layers", &O::layers,
               {.help = "layers whose cache is quantized: all, or a list; [] leaves the model as it is"})
          .add("bits", &O::bits, {.help = "of a number: 4 or 8", .unit = "bits", .min = 4, .max = 8})
          .add("group", &O::group, {.help = "numbers of a token's head with one step; null: a whole head", .min = 2});
  return table;
}

std::vector<int64_t> chosen_layers(const Json& layers, int64_t count) {
  std::vector<int64_t> chosen;
  if (layers == "all") {
    for (int64_t l = 0; l < count; ++l) chosen.push_back(l);
    return chosen;
  }
  if (!layers.is_array()) bad_layers(cat("layers must be 'all' or a list, found ", layers.dump()));
  for (const Json& layer : layers) {
    if (!layer.is_number_integer()) bad_layers(cat("a layer is a whole number, found ", layer.dump()));
    const auto index = layer.get<int64_t>();
    if (index < 0 || index >= count) bad_layers(cat("there is no layer ", index, "; the model has ", count));
    if (std::find(chosen.begin(), chosen.end(), index) != chosen.end()) bad_layers(cat("layer ", index, " twice"));
    chosen.push_back(index);
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace frugal::x_ecomla
