#include "models/language/likelihood.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"
#include "models/nn/autocast_state.h"
#include "models/nn/scalar_types.h"
#include "models/nn/unordered_copy.h"

namespace frugal {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// log softmax over the vocabulary of rows [first, first + count), wide.
at::Tensor chunk_log_softmax(const at::Tensor& hidden, const Linear& head, int64_t first, int64_t count) {
  return at::log_softmax(head(hidden.narrow(0, first, count)), -1, wide_type(hidden.scalar_type()));
}

template <typename Visit>
void for_chunks(int64_t rows, int64_t chunk, const Visit& visit) {
  for (int64_t first = 0; first < rows; first += chunk) visit(first, std::min(chunk, rows - first));
}

// hidden [N,d], targets [N] all within the vocabulary.
class TokenLogProbabilities : public torch::autograd::Function<TokenLogProbabilities> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& hidden, const at::Tensor& targets,
                            const at::Tensor& weight, int64_t chunk) {
    const Linear head{.weight = weight, .bias = {}};
    at::Tensor out = at::empty({hidden.size(0)}, hidden.options().dtype(wide_type(hidden.scalar_type())));
    for_chunks(hidden.size(0), chunk, [&](int64_t first, int64_t count) {
      const at::Tensor picked = targets.narrow(0, first, count).unsqueeze(1);
      out.narrow(0, first, count).copy_(chunk_log_softmax(hidden, head, first, count).gather(1, picked).squeeze(1));
    });
    context->save_for_backward({hidden, targets, weight});
    context->saved_data["chunk"] = chunk;
    autocast(context->saved_data, hidden.device().type());
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list upstream) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &hidden = saved[0], &targets = saved[1], &weight = saved[2];
    const Linear head{.weight = weight, .bias = {}};
    const bool for_hidden = context->needs_input_grad(0), for_weight = context->needs_input_grad(2);
    at::Tensor grad_hidden = for_hidden ? at::empty_like(hidden) : at::Tensor();
    at::Tensor grad_weight =
        for_weight ? at::zeros(weight.sizes(), weight.options().dtype(wide_type(weight.scalar_type()))) : at::Tensor();
    for_chunks(hidden.size(0), context->saved_data["chunk"].toInt(), [&](int64_t first, int64_t count) {
      const AutocastScope scope = restored(context->saved_data, hidden.device().type());
      // d log p[target] / d logits = onehot(target) - p
      at::Tensor slope = chunk_log_softmax(hidden, head, first, count).exp_().neg_();
      const at::Tensor rows = at::arange(count, targets.options());
      slope.index_put_({rows, targets.narrow(0, first, count)}, at::ones({}, slope.options()), /*accumulate=*/true);
      slope.mul_(upstream[0].narrow(0, first, count).unsqueeze(1));
      const at::Tensor narrow = slope.to(weight.scalar_type());
      if (for_hidden) grad_hidden.narrow(0, first, count).copy_(narrow.matmul(weight));
      if (for_weight) grad_weight.add_(narrow.t().matmul(hidden.narrow(0, first, count).to(weight.scalar_type())));
    });
    if (for_weight) grad_weight = grad_weight.to(weight.scalar_type());
    return {grad_hidden, at::Tensor(), grad_weight, at::Tensor()};
  }

 private:
  using Saved = ska::flat_hash_map<std::string, at::IValue>;

  // Backward runs outside of the autocast scope: the logits must come out as they did, and products cost as much.
  static void autocast(Saved& saved, at::DeviceType device) {
    saved["enabled"] = at::autocast::is_autocast_enabled(device);
    saved["type"] = static_cast<int64_t>(at::autocast::get_autocast_dtype(device));
  }
  static AutocastScope restored(const Saved& saved, at::DeviceType device) {
    return AutocastScope(
        AutocastState(device, saved.at("enabled").toBool(), static_cast<at::ScalarType>(saved.at("type").toInt())));
  }
};

// The positions that count, flat.
struct Counted {
  at::Tensor where;    // [n] int64, into the flattened targets
  at::Tensor hidden;   // [n,d]
  at::Tensor targets;  // [n]
};

Counted counted(const at::Tensor& hidden, const at::Tensor& targets) {
  if (hidden.sizes().slice(0, hidden.dim() - 1) != targets.sizes())
    throw Error(ErrorKind::kUsage, "bad_inputs",
                cat("targets of shape ", targets.sizes(), " for states of shape ", hidden.sizes()));
  const at::Tensor flat = targets.reshape({-1});
  Counted out{.where = (flat != kIgnoredTarget).nonzero().squeeze(1)};
  out.hidden = hidden.reshape({-1, hidden.size(-1)}).index_select(0, out.where);
  out.targets = flat.index_select(0, out.where);
  return out;
}

void require_plain(const Linear& head) {
  if (!head.weight.defined() || head.bias.defined())
    throw Error(ErrorKind::kUsage, "bad_inputs", "a likelihood needs an output layer, without bias");
}

}  // namespace

at::Tensor token_log_probabilities(const at::Tensor& hidden, const at::Tensor& targets, const Linear& head,
                                   int64_t chunk) {
  require_plain(head);
  const Counted c = counted(hidden, targets);
  const at::Tensor scores = TokenLogProbabilities::apply(c.hidden, c.targets, head.weight, chunk);
  return at::zeros({targets.numel()}, scores.options().requires_grad(false))
      .index_copy(0, c.where, scores)
      .view(targets.sizes());
}

at::Tensor cross_entropy(const at::Tensor& hidden, const at::Tensor& targets, const Linear& head, int64_t chunk) {
  require_plain(head);
  const Counted c = counted(hidden, targets);
  const auto count = static_cast<double>(std::max<int64_t>(c.targets.numel(), 1));
  return -TokenLogProbabilities::apply(c.hidden, c.targets, head.weight, chunk).sum() / count;
}

TokenScores score_tokens(const at::Tensor& hidden, const at::Tensor& targets, const Linear& head, int64_t chunk) {
  require_plain(head);
  const at::NoGradGuard no_grad;
  const Counted c = counted(hidden, targets);
  const auto options = at::TensorOptions(hidden.device());
  TokenScores out{.log_probabilities = at::zeros({targets.numel()}, options.dtype(wide_type(hidden.scalar_type()))),
                  .greedy = at::ones({targets.numel()}, options.dtype(at::kBool))};
  for_chunks(c.targets.numel(), chunk, [&](int64_t first, int64_t count) {
    const at::Tensor scores = chunk_log_softmax(c.hidden, head, first, count);
    const at::Tensor target = c.targets.narrow(0, first, count), where = c.where.narrow(0, first, count);
    copy_to_places(out.log_probabilities, where, scores.gather(1, target.unsqueeze(1)).squeeze(1));
    copy_to_places(out.greedy, where, scores.argmax(-1) == target);
  });
  out.log_probabilities = out.log_probabilities.view(targets.sizes());
  out.greedy = out.greedy.view(targets.sizes());
  return out;
}

}  // namespace frugal
