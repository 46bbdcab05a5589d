#include "methods/x_ecomla/svd.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

namespace frugal::x_ecomla {
namespace {

// Eigenvectors of a symmetric matrix as columns, largest eigenvalue first.
at::Tensor principal_vectors(const at::Tensor& gram) {
  return std::get<1>(at::linalg_eigh(gram)).flip(1);
}

// rows / sigma, 0 where there is nothing to divide.
at::Tensor normalised(const at::Tensor& rows, const at::Tensor& sigma) {
  const at::Tensor s = sigma.unsqueeze(1);
  return at::where(s > 0, rows / s, at::zeros_like(rows));
}

Energies to_energies(const at::Tensor& values) {
  const at::Tensor host = values.clamp_min(0).to(at::kCPU).contiguous();
  const auto* data = host.const_data_ptr<double>();
  return {data, data + host.numel()};
}

}  // namespace

Decomposition decompose(const at::Tensor& matrix) {
  const at::Tensor m = matrix.to(at::kDouble);
  // One side's vectors come from the Gram matrix, the other's from their product with the matrix, whose norms are
  // the singular values: more exact than roots of eigenvalues.
  const bool wide = m.size(0) <= m.size(1);
  const at::Tensor wide_matrix = wide ? m : m.t();
  const at::Tensor vectors = principal_vectors(at::matmul(wide_matrix, wide_matrix.t()));
  const at::Tensor scaled = at::matmul(vectors.t(), wide_matrix);  // diag(sigma) vt
  const at::Tensor sigma = scaled.norm(2, {1});
  const at::Tensor other = normalised(scaled, sigma);
  if (wide) return {.u = vectors, .sigma = sigma, .vt = other};
  return {.u = other.t(), .sigma = sigma, .vt = vectors.t()};
}

Metric Metric::gain(const at::Tensor& gain) {
  Metric made;
  made.gain_ = gain.to(at::kDouble);
  return made;
}

Metric Metric::activations(const at::Tensor& moment) {
  const auto [found, vectors] = at::linalg_eigh(moment.to(at::kDouble));
  const at::Tensor values = found.clamp_min(0);
  const at::Tensor roots = (values + kDamping * values.mean()).sqrt();
  Metric made;
  made.root_ = at::matmul(vectors * roots, vectors.t());
  made.inverse_ = at::matmul(vectors / roots, vectors.t());
  return made;
}

at::Tensor Metric::behind(const at::Tensor& weights) const {
  if (gain_.defined()) return weights * gain_;
  return root_.defined() ? at::matmul(weights, root_.to(weights.scalar_type())) : weights;
}

at::Tensor Metric::before(const at::Tensor& down) const {
  if (gain_.defined()) return at::where(gain_ == 0, at::zeros_like(down), down / gain_);
  return inverse_.defined() ? at::matmul(down, inverse_) : down;
}

Energies energies(const at::Tensor& matrix) {
  const at::Tensor m = matrix.to(at::kDouble);
  return to_energies(at::linalg_eigvalsh(m.size(0) <= m.size(1) ? at::matmul(m, m.t()) : at::matmul(m.t(), m)).flip(0));
}

Energies energies(const Decomposition& decomposition) {
  return to_energies(decomposition.sigma.square());
}

Factors factors(const Decomposition& d, int64_t rank, SigmaSide side) {
  const at::Tensor u = d.u.narrow(1, 0, rank), sigma = d.sigma.narrow(0, 0, rank), vt = d.vt.narrow(0, 0, rank);
  const at::Tensor left = side == SigmaSide::kDown ? u : u * (side == SigmaSide::kUp ? sigma : sigma.sqrt());
  const at::Tensor right =
      side == SigmaSide::kUp ? vt : vt * (side == SigmaSide::kDown ? sigma : sigma.sqrt()).unsqueeze(1);
  return {.down = right, .up = left};
}

}  // namespace frugal::x_ecomla
