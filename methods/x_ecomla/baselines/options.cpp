#include "methods/x_ecomla/baselines/options.h"

namespace frugal::x_ecomla {

const OptionTable<Mha2MlaOptions>& mha2mla_options() {
  using O = Mha2MlaOptions;
  static const auto table = [] {
    OptionTable<O> made("MHA2MLA");
    made.add("layers", &O::layers, {.help = "layers that are converted: all, or a list; [] leaves the model as it is"})
        .add("partial_rope_version", &O::partial_rope_version,
             {.help = "rotary pairs of a key head that go on turning: the fastest, the slowest, evenly spaced ones, or "
                      "those of largest |q| |k| on calibration tokens",
              .choices = {"high", "low", "uniform", "2-norm"}})
        .add("rope_dim_for_mla", &O::rope_dim_for_mla,
             {.help = "r, width of a key head that turns; a head's width: all of it", .min = 2, .max = 65536})
        .add("uniform_start_point", &O::uniform_start_point,
             {.help = "uniform: the first pair", .min = 0, .max = 65536})
        .add("svd_init_method", &O::svd_init_method,
             {.help = "one latent for keys and values, or one each of the same width", .choices = {"joint", "split"}})
        .add("low_rank", &O::low_rank, {.help = "width of a latent for each key head", .min = 1, .max = 1 << 20})
        .add("is_freeze_non_attn", &O::is_freeze_non_attn, {.help = "train attention and norms only"});
    add_calibration(made);
    return made;
  }();
  return table;
}

const OptionTable<TransMlaOptions>& transmla_options() {
  using O = TransMlaOptions;
  static const auto table = [] {
    OptionTable<O> made("TransMLA");
    made.add("layers", &O::layers, {.help = "layers that are converted: all, or a list; [] leaves the model as it is"})
        .add("qk_mqa_dim", &O::qk_mqa_dim,
             {.help = "d_r, width of the one key that turns; a head's width over it is the code's `collapse`",
              .min = 2,
              .max = 65536})
        .add("freqfold", &O::freqfold,
             {.help = "neighbouring frequencies that count as one when heads are rotated: a multiple of collapse that "
                      "divides half a head; null: doubled as long as perplexity on the calibration tokens falls",
              .min = 1,
              .max = 65536})
        .add("kv_lora_rank", &O::kv_lora_rank,
             {.help = "width of the latent of keys and values", .min = 1, .max = 1 << 20})
        .add("q_lora_rank", &O::q_lora_rank,
             {.help = "width of the latent of queries; null: they are not compressed", .min = 1, .max = 1 << 20})
        .add("balance_kv_ratio", &O::balance_kv_ratio,
             {.help = "norm of keys over that of values in the principal components; null: as they are",
              .min = 1e-6,
              .max = 1e6});
    add_calibration(made);
    return made;
  }();
  return table;
}

}  // namespace frugal::x_ecomla
