// From options and the base model's config to the config of the converted model. Links no LibTorch.
#pragma once

#include <vector>

#include "methods/x_ecomla/options.h"
#include "methods/x_ecomla/ranks.h"
#include "models/language/mla_config.h"

namespace frugal::x_ecomla {

// Of one layer, for the ranks of rank_mode=dynamic and global.
struct LayerEnergies {
  Energies query, key_value;
};

AttentionSizes attention_sizes(const XEcomlaOptions& options, const LlamaConfig& base);

// Sizes, rotary frequencies and the ranks of rank_mode=fixed. Error(kUsage, "bad_value") naming the key.
MlaConfig make_plan(const XEcomlaOptions& options, const LlamaConfig& base);

// Replaces the ranks of make_plan; energies: of the converted layers, in their order. layers: of the model.
void choose_ranks(const XEcomlaOptions& options, const std::vector<LayerEnergies>& energies, int64_t layers,
                  MlaConfig& config);

}  // namespace frugal::x_ecomla
