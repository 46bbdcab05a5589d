// The decoder that Llama, Mistral, Qwen2 and OPT are cases of: token embedding, layers of attention and MLP, each with
// a norm and a residual, final norm, output layer.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/config/options.h"
#include "models/language/attention.h"
#include "models/language/mlp.h"
#include "models/language_model.h"

namespace frugal {

using Norm = std::function<at::Tensor(const at::Tensor&)>;

struct DecoderLayer {
  Norm attention_norm, mlp_norm;
  std::unique_ptr<Attention> attention;
  std::unique_ptr<Mlp> mlp;
};

// What an architecture fills in; tensors are handles to the model's parameters.
struct DecoderParts {
  std::string architecture;  // model_type
  LanguageModelConfig config;
  Json checkpoint_config;             // as config.json says it in transformers' layout: what saving writes
  std::map<std::string, Json> files;  // more JSON files of its folder, by name
  at::Tensor words;                   // [V,d_e]
  at::Tensor learned_positions;       // [P,d]; undefined: positions are the attention's business
  int64_t position_offset = 0;        // of a token's row in learned_positions
  Linear project_in, project_out;     // d_e -> d, d -> d_e; undefined: d_e is d
  bool norm_first = true;             // before attention and MLP (pre-LN), else after the residual (post-LN)
  double dropout = 0;                 // after attention and after the MLP, in training
  std::vector<DecoderLayer> layers;
  Norm final_norm;  // empty: none
  Linear head;      // undefined weight: none
};

class Decoder final : public LanguageModel {
 public:
  // fill: makes the parts, adding every parameter to the set under its checkpoint name.
  explicit Decoder(const std::function<DecoderParts(ParameterSet&)>& fill);

  std::string_view architecture() const override { return parts_.architecture; }
  const LanguageModelConfig& config() const override { return parts_.config; }
  std::unique_ptr<KvCache> make_cache(int64_t sequences, int64_t capacity) const override;
  at::Tensor embed(const at::Tensor& input_ids) override;
  // Error(kBadData, "sequence_too_long") past learned positions; Error(kUsage, "bad_inputs").
  at::Tensor hidden_states(const LanguageModelInputs& inputs, KvCache* cache, const Pass& pass) override;
  Linear head() const override { return parts_.head; }

  const Json& checkpoint_config() const { return parts_.checkpoint_config; }
  void set_checkpoint_config(Json config) { parts_.checkpoint_config = std::move(config); }
  // JSON files that saving writes beside config.json, by name: what a method's layers need to be read again.
  const std::map<std::string, Json>& checkpoint_files() const { return parts_.files; }
  void set_checkpoint_files(std::map<std::string, Json> files) { parts_.files = std::move(files); }
  // The layer's attention and MLP, to read their weights or to put others in their place. Whoever replaces one also
  // exchanges its parameters (ParameterSet::remove and add).
  DecoderLayer& layer(int64_t index) { return parts_.layers.at(static_cast<size_t>(index)); }

 private:
  at::Tensor add_positions(const at::Tensor& h, const TokenContext& context) const;
  at::Tensor run_layer(int64_t index, const at::Tensor& h, TokenContext& context);
  at::Tensor dropped(const at::Tensor& x, DropoutSite site, int64_t layer, const Pass& pass) const;

  DecoderParts parts_;
};

}  // namespace frugal
