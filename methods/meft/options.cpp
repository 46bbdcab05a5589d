#include "methods/meft/options.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "core/error.h"

namespace frugal::meft {
namespace {

[[noreturn]] void bad_plan(const std::string& message) {
  throw Error(ErrorKind::kUsage, "bad_plan", message, "method.plan",
              "e.g. 'rev:12', 'frozen:8,rev:8,vanilla:8' (bottom layer first)");
}

LayerMode mode_named(const std::string& name) {
  if (name == "frozen") return LayerMode::kFrozen;
  if (name == "rev") return LayerMode::kReversible;
  if (name == "vanilla") return LayerMode::kVanilla;
  bad_plan(cat("'", name, "' is no kind of layer: frozen, rev or vanilla"));
}

std::vector<LayerMode> parse_plan(const std::string& plan, int64_t layers) {
  std::vector<LayerMode> modes;
  std::stringstream parts(plan);
  for (std::string part; std::getline(parts, part, ',');) {
    const size_t colon = part.find(':');
    const std::string count = colon == std::string::npos ? "" : part.substr(colon + 1);
    if (count.empty() || count.size() > 5 || count.find_first_not_of("0123456789") != std::string::npos)
      bad_plan(cat("'", part, "' is not KIND:COUNT"));
    modes.insert(modes.end(), std::stoul(count), mode_named(part.substr(0, colon)));
  }
  if (static_cast<int64_t>(modes.size()) != layers)
    bad_plan(cat("the plan covers ", modes.size(), " layers, the model has ", layers));
  for (size_t i = 1; i < modes.size(); ++i)
    if (modes[i] == LayerMode::kFrozen && modes[i - 1] != LayerMode::kFrozen)
      bad_plan("frozen layers must lie below all others");
  return modes;
}

}  // namespace

Variant MeftOptions::which() const {
  return variant == "meft1" ? Variant::kMeft1 : variant == "meft2" ? Variant::kMeft2 : Variant::kMeft3;
}

Exactness MeftOptions::exact() const {
  return exactness == "none" ? Exactness::kNone : exactness == "anchors" ? Exactness::kAnchors : Exactness::kFixedPoint;
}

Readout MeftOptions::read_out() const {
  return readout == "mean"               ? Readout::kMean
         : readout == "main"             ? Readout::kMain
         : readout == "main_plus_scaled" ? Readout::kMainPlusScaled
                                         : Readout::kConcat;
}

double MeftOptions::lambda_value() const {
  return lambda.value_or(which() == Variant::kMeft2 ? 1.0 : 0.1);
}
double MeftOptions::beta_value() const {
  return beta.value_or(which() == Variant::kMeft1 ? 1.0 : 0.1);
}
int64_t MeftOptions::anchor_interval() const {
  return anchor_every.value_or(which() == Variant::kMeft3 ? 2 : 4);
}

const OptionTable<MeftOptions>& meft_options() {
  using O = MeftOptions;
  static const auto table =
      OptionTable<O>("MEFT")
          .add("variant", &O::variant,
               {.help = "which of F and G is the layer, the adapter, attention, MLP",
                .choices = {"meft1", "meft2", "meft3"}})
          .add("lambda", &O::lambda, {.help = "factor of stream 1; null: 0.1, 1, 0.1 by variant", .min = 0, .max = 1})
          .add("beta", &O::beta, {.help = "factor of stream 2; null: 1, 0.1, 0.1 by variant", .min = 0, .max = 1})
          .add("adapter_dim", &O::adapter_dim, {.help = "bottleneck r of the adapters", .min = 1, .max = 65536})
          .add("layernorm_in_adapter", &O::layernorm_in_adapter, {.help = "norm before the reversible adapter"})
          .add("adapter_init", &O::adapter_init,
               {.help = "standard deviation of new adapter weights", .min = 0, .max = 10})
          .add(
              "plan", &O::plan,
              {.help = "kind of each layer, bottom first, e.g. 'frozen:8,rev:8,vanilla:8'; empty: from num_rev_layers"})
          .add("num_rev_layers", &O::num_rev_layers, {.help = "reversible layers k; null: all", .min = 0})
          .add("freeze_irreversible_layers", &O::freeze_irreversible_layers,
               {.help = "lower N-k layers are plain and frozen"})
          .add("exactness", &O::exactness,
               {.help = "how layer inputs are recovered", .choices = {"none", "anchors", "fixed_point"}})
          .add("anchor_every", &O::anchor_every,
               {.help = "exact streams every k layers; null: 4, 4, 2 by variant", .unit = "layers", .min = 1})
          .add("fixed_point_bits", &O::fixed_point_bits,
               {.help = "fraction bits of the integer streams", .unit = "bits", .min = 8, .max = 24})
          .add("stream_dtype", &O::stream_dtype, {.help = "type of the two streams", .choices = {"fp32", "fp64"}})
          .add("readout", &O::readout,
               {.help = "how the two streams become one", .choices = {"mean", "main", "main_plus_scaled", "concat"}})
          .add("sum_scale", &O::sum_scale,
               {.help = "weight of the side stream in main_plus_scaled", .min = 0, .max = 1})
          .add("switch", &O::switch_streams, {.help = "swap the streams after a layer (false: negative control)"})
          .add("anneal_to", &O::anneal_to,
               {.help = "factors below this rise to it during training; null: never", .min = 0, .max = 1})
          .add("anneal_until", &O::anneal_until,
               {.help = "share of training after which anneal_to is reached", .min = 0.0001, .max = 1})
          .add("residual_every", &O::residual_every,
               {.help = "record the reconstruction error of the lowest layer; 0: never", .unit = "steps", .min = 0});
  return table;
}

std::vector<LayerMode> layer_plan(const MeftOptions& options, int64_t layers) {
  if (!options.plan.empty()) return parse_plan(options.plan, layers);
  const int64_t k = options.num_rev_layers.value_or(layers);
  if (k > layers) bad_plan(cat("num_rev_layers is ", k, ", the model has ", layers, " layers"));
  if (options.freeze_irreversible_layers && (k == 0 || k == layers))
    bad_plan("freeze_irreversible_layers needs 0 < num_rev_layers < number of layers");
  std::vector<LayerMode> modes(static_cast<size_t>(layers), LayerMode::kReversible);
  for (int64_t i = 0; i < layers - k; ++i) {
    if (options.freeze_irreversible_layers)
      modes[static_cast<size_t>(i)] = LayerMode::kFrozen;
    else
      modes[static_cast<size_t>(k + i)] = LayerMode::kVanilla;
  }
  return modes;
}

void check(const MeftOptions& options, int64_t layers) {
  const auto plan = layer_plan(options, layers);
  const bool reversible = std::find(plan.begin(), plan.end(), LayerMode::kReversible) != plan.end();
  for (const auto& [key, value] :
       {std::pair{"method.lambda", options.lambda_value()}, {"method.beta", options.beta_value()}}) {
    if (reversible && value == 0)
      throw Error(ErrorKind::kUsage, "not_invertible", "a factor of 0 cannot be inverted", key,
                  "take a factor above 0, or method.num_rev_layers=0 for the plain backward");
    if (!reversible || options.exact() != Exactness::kFixedPoint) continue;
    const double inverse = 1.0 / value;
    if (std::abs(inverse - std::round(inverse)) > 1e-6 || inverse > 256)
      throw Error(ErrorKind::kUsage, "not_invertible",
                  cat("fixed-point streams need 1 over a whole number up to 256, found ", value), key,
                  cat("1/", std::max(1.0, std::min(256.0, std::round(inverse))), ", or method.exactness=anchors"));
  }
  if (reversible && options.exact() == Exactness::kFixedPoint && options.anneal_to)
    throw Error(ErrorKind::kUsage, "bad_value", "fixed-point streams cannot anneal their factors", "method.anneal_to",
                "method.exactness=anchors");
}

}  // namespace frugal::meft
