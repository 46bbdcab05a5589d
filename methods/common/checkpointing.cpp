#include "methods/common/checkpointing.h"

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include <functional>

#include "core/error.h"
#include "models/nn/autocast_state.h"

namespace frugal {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Block = std::function<at::Tensor(const at::Tensor&)>;

struct Context : torch::CustomClassHolder {
  Context(Block b, std::vector<at::Tensor> p, at::DeviceType device)
      : block(std::move(b)), parameters(std::move(p)), autocast(device) {}
  Block block;
  std::vector<at::Tensor> parameters;  // the model's own, alive as long as the model: no second copy is kept
  AutocastState autocast;
};

class Recomputed : public torch::autograd::Function<Recomputed> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& h, const Block& block,
                            const std::vector<at::Tensor>& parameters, at::TensorList /*listed for autograd*/) {
    ctx->save_for_backward({h});
    ctx->saved_data["context"] =
        at::IValue::make_capsule(c10::make_intrusive<Context>(block, parameters, h.device().type()));
    return block(h);
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& gradients) {
    const auto capsule = ctx->saved_data["context"].toCapsule();
    const auto& context = static_cast<const Context&>(*capsule);
    const AutocastScope autocast(context.autocast);
    const at::AutoGradMode grad(true);
    const at::Tensor input = ctx->get_saved_variables()[0].detach().requires_grad_(true);
    const at::Tensor output = context.block(input);
    variable_list wanted = {input};
    wanted.insert(wanted.end(), context.parameters.begin(), context.parameters.end());
    variable_list found =
        torch::autograd::grad({output}, wanted, {gradients[0].to(output.scalar_type())}, false, false, true);
    variable_list result = {found[0], at::Tensor(), at::Tensor()};
    result.insert(result.end(), found.begin() + 1, found.end());
    return result;
  }
};

}  // namespace

at::Tensor CheckpointedEncoder::run_layers(const at::Tensor& embedded, const at::Tensor& mask, const Pass& pass) {
  at::Tensor h = embedded;
  for (int64_t begin = 0; begin < config().layers; begin += every_) {
    const int64_t end = std::min(begin + every_, config().layers);
    const Block block = [base = base_.get(), begin, end, mask, pass](const at::Tensor& in) {
      at::Tensor out = in;
      for (int64_t l = begin; l < end; ++l)
        out = base->hooks().run(HookPoint::kBlock, l, out,
                                base->mlp_block(l, base->attention_block(l, out, mask, pass), pass), pass);
      return out;
    };
    std::vector<at::Tensor> parameters;
    for (int64_t l = begin; l < end; ++l) {
      const std::string prefix = cat("bert.encoder.layer.", l, ".");
      for (const NamedTensor& parameter : this->parameters().trainable())
        if (parameter.name.starts_with(prefix)) parameters.push_back(parameter.value);
    }
    const bool recompute = at::GradMode::is_enabled() && !pass.plain_backward;
    h = recompute ? Recomputed::apply(h, block, parameters, at::TensorList(parameters)) : block(h);
  }
  return hooks().run(HookPoint::kOutput, -1, embedded, h, pass);
}

}  // namespace frugal
