#include "models/language/latent_core.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softmax.h>

#include <algorithm>
#include <limits>

namespace frugal {
namespace {

// What is added to the scores of queries first..first+count-1, [1 or B,count,1,S]; undefined: all see all.
at::Tensor added(const Visibility& visibility, int64_t first, int64_t count, const at::Tensor& latents) {
  if (visibility.additive.defined()) return visibility.additive.narrow(2, first, count).transpose(1, 2);
  if (!visibility.causal) return {};
  const at::Tensor hidden = at::ones({count, latents.size(1)}, latents.options().dtype(at::kBool)).triu(first + 1);
  return at::zeros({count, latents.size(1)}, latents.options())
      .masked_fill_(hidden, -std::numeric_limits<double>::infinity())
      .view({1, count, 1, -1});
}

// q [B,t,H,r+dr] -> [B,t,H,r]
at::Tensor attend_some(const at::Tensor& q, const at::Tensor& latents, const at::Tensor& mask, double scale,
                       int64_t rank) {
  const int64_t batch = q.size(0), tokens = q.size(1), heads = q.size(2);
  // All heads read the same latents: they are rows of one product.
  at::Tensor scores = at::matmul(q.reshape({batch, tokens * heads, q.size(3)}), latents.transpose(1, 2));
  const bool narrow = scores.scalar_type() == at::kHalf || scores.scalar_type() == at::kBFloat16;
  if (narrow) scores = scores.to(at::kFloat);
  scores = scores * scale;
  if (mask.defined()) scores = (scores.view({batch, tokens, heads, -1}) + mask).view({batch, tokens * heads, -1});
  const at::Tensor p = at::softmax(scores, -1).to(latents.scalar_type());
  return at::matmul(p, latents.narrow(2, 0, rank)).view({batch, tokens, heads, rank});
}

}  // namespace

at::Tensor attend_latents(const at::Tensor& q_latent, const at::Tensor& q_rope, const at::Tensor& latents,
                          const Visibility& visibility, double scale, int64_t most_scores) {
  const at::Tensor q = at::cat({q_latent, q_rope}, -1);
  const int64_t tokens = q.size(1), rank = q_latent.size(3);
  const int64_t one = std::max<int64_t>(q.size(0) * q.size(2) * latents.size(1), 1);
  const int64_t piece = std::clamp<int64_t>(most_scores / one, 1, std::max<int64_t>(tokens, 1));
  std::vector<at::Tensor> outputs;
  for (int64_t first = 0; first < tokens; first += piece) {
    const int64_t count = std::min(piece, tokens - first);
    const at::Tensor mask = added(visibility, first, count, latents);
    outputs.push_back(attend_some(q.narrow(1, first, count), latents, mask, scale, rank));
  }
  return outputs.size() == 1 ? outputs.front() : at::cat(outputs, 1);
}

at::Tensor by_head(const at::Tensor& x, const at::Tensor& weights) {
  const int64_t batch = x.size(0), tokens = x.size(1), heads = x.size(2);
  const at::Tensor rows = x.permute({2, 0, 1, 3}).reshape({heads, batch * tokens, x.size(3)});
  return at::matmul(rows, weights).view({heads, batch, tokens, weights.size(2)}).permute({1, 2, 0, 3});
}

}  // namespace frugal
