// Latent attention as the layer of a checkpoint: names and shapes of its tensors, its rotary frequencies.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "models/language/latent_attention.h"
#include "models/language/mla_config.h"
#include "models/nn/weights.h"

namespace frugal {

// "model.layers.<layer>.mla."
std::string mla_prefix(int64_t layer);

class LatentLayers {
 public:
  // Gives the parameter of this name and shape.
  using Take = std::function<at::Tensor(const std::string& name, at::IntArrayRef shape, Init init)>;

  // base: of the config.json beside.
  LatentLayers(const MlaConfig& config, const LlamaConfig& base);
  // The attention of a layer that config.layers has: q_a_proj, q_b_proj (without compression q_proj alone),
  // kv_a_proj_with_mqa, kv_b_proj, out_proj, with latent_norm q_a_layernorm and kv_a_layernorm.
  std::unique_ptr<LatentAttention> make(int64_t layer, const Take& take) const;

 private:
  std::shared_ptr<const Rotary> rotary(int64_t layer) const;

  MlaConfig config_;
  LlamaConfig base_;
  std::shared_ptr<const Rotary> shared_;  // one object, so that its angles are computed once a call
};

}  // namespace frugal
