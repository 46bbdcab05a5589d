#include "methods/common/peft.h"

#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>

#include <cmath>

#include "core/error.h"
#include "methods/common/bottleneck.h"
#include "methods/common/checkpointing.h"
#include "models/nn/dropout.h"
#include "models/nn/weights.h"

namespace frugal {
namespace {

HookPoint target_point(const std::string& target) {
  if (target == "query") return HookPoint::kQuery;
  if (target == "key") return HookPoint::kKey;
  if (target == "value") return HookPoint::kValue;
  throw Error(ErrorKind::kUsage, "bad_value", cat("LoRA cannot target '", target, "'"), "method.targets",
              "query, key or value");
}

std::string layer_prefix(int64_t layer) {
  return cat("bert.encoder.layer.", layer, ".");
}

// W x + alpha/r * B A dropout(x); A as Kaiming-uniform(a = sqrt 5) draws, that is U(-1/sqrt d, 1/sqrt d), B constant.
void add_lora(TextEncoder& model, const PeftOptions& o, uint64_t seed) {
  const int64_t d = model.config().hidden_size;
  const double scale = o.alpha / static_cast<double>(o.rank);
  for (int64_t l = 0; l < model.config().layers; ++l)
    for (const std::string& target : o.targets) {
      const HookPoint point = target_point(target);
      const std::string prefix = cat(layer_prefix(l), "attention.self.", target, ".");
      const double bound = 1.0 / std::sqrt(static_cast<double>(d));
      const at::Tensor a = add_parameter(model, prefix + "lora_A.weight",
                                         new_uniform(prefix + "lora_A.weight", {o.rank, d}, bound, seed));
      const at::Tensor b = add_parameter(model, prefix + "lora_B.weight", at::full({d, o.rank}, o.init_constant));
      const auto extra = static_cast<uint64_t>(point);
      model.hooks().attach(point, l, [=, p = o.dropout](const at::Tensor& in, const at::Tensor& out, const Pass& pass) {
        const at::Tensor x = pass.training ? keyed_dropout(in, p, pass.site_key(DropoutSite::kLora, l, extra)) : in;
        return out + scale * at::linear(at::linear(x, a), b);
      });
    }
}

// In the sub-layer's branch before residual and norm, with its own skip: h + A(h).
void add_sequential(TextEncoder& model, const PeftOptions& o, uint64_t seed) {
  const auto attach = [&](HookPoint point, int64_t l, const std::string& name, DropoutSite site) {
    const BottleneckOptions bottleneck{.dim = o.adapter_dim, .dropout = o.dropout, .zero_up = true, .site = site};
    const auto adapter = std::make_shared<Bottleneck>(model, layer_prefix(l) + name, l, bottleneck, seed);
    model.hooks().attach(point, l, [adapter](const at::Tensor&, const at::Tensor& out, const Pass& pass) {
      return out + (*adapter)(out, pass);
    });
  };
  for (int64_t l = 0; l < model.config().layers; ++l) {
    if (o.adapter_placement == "houlsby")
      attach(HookPoint::kAttention, l, "attention.output.adapter", DropoutSite::kAttentionAdapter);
    attach(HookPoint::kMlp, l, "output.adapter", DropoutSite::kAdapter);
  }
}

// s A(x) beside the MLP, from the MLP's own input.
void add_parallel(TextEncoder& model, const PeftOptions& o, uint64_t seed) {
  for (int64_t l = 0; l < model.config().layers; ++l) {
    const BottleneckOptions bottleneck{.dim = o.adapter_dim, .dropout = o.dropout, .zero_up = true};
    const auto adapter = std::make_shared<Bottleneck>(model, layer_prefix(l) + "parallel_adapter", l, bottleneck, seed);
    model.hooks().attach(HookPoint::kMlp, l,
                         [adapter, s = o.adapter_scale](const at::Tensor& in, const at::Tensor& out, const Pass& pass) {
                           return out + s * (*adapter)(in, pass);
                         });
  }
}

// l_k * K, l_v * V, l_ff * act(W1 x).
void add_ia3(TextEncoder& model, const PeftOptions& o) {
  const auto attach = [&](HookPoint point, int64_t l, const std::string& name, int64_t width) {
    const at::Tensor scale = add_parameter(model, layer_prefix(l) + name, at::full({width}, o.ia3_init));
    model.hooks().attach(point, l,
                         [scale](const at::Tensor&, const at::Tensor& out, const Pass&) { return out * scale; });
  };
  for (int64_t l = 0; l < model.config().layers; ++l) {
    attach(HookPoint::kKey, l, "attention.self.key.ia3_l", model.config().hidden_size);
    attach(HookPoint::kValue, l, "attention.self.value.ia3_l", model.config().hidden_size);
    attach(HookPoint::kIntermediate, l, "intermediate.ia3_l", model.config().intermediate_size);
  }
}

bool is_new_parameter(std::string_view name) {
  for (const std::string_view part : {"lora_", "adapter", "ia3_l"})
    if (name.find(part) != std::string_view::npos) return true;
  return false;
}

}  // namespace

std::shared_ptr<TextEncoder> PeftMethod::apply(std::shared_ptr<TextEncoder> model, const MethodContext& context) {
  const std::string& kind = options_.kind;
  if (kind == "lora") add_lora(*model, options_, context.init_seed);
  if (kind == "sequential_adapter") add_sequential(*model, options_, context.init_seed);
  if (kind == "parallel_adapter") add_parallel(*model, options_, context.init_seed);
  if (kind == "ia3") add_ia3(*model, options_);
  model->parameters().set_trainable([&](std::string_view name) {
    if (kind == "full" || name.starts_with("classifier")) return true;
    if (options_.train_pooler && name.find("pooler") != std::string_view::npos) return true;
    if (kind == "bitfit") return name.ends_with("bias") && name.find("pooler") == std::string_view::npos;
    return is_new_parameter(name);
  });
  if (options_.checkpointing) model = std::make_shared<CheckpointedEncoder>(model, options_.checkpoint_every);
  return model;
}

}  // namespace frugal
