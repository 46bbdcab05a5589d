// Truncated singular value decompositions of weight matrices, by the eigenvectors of the smaller Gram matrix.
#pragma once

#include <ATen/core/Tensor.h>

#include "methods/x_ecomla/options.h"
#include "methods/x_ecomla/ranks.h"

namespace frugal::x_ecomla {

// matrix = u diag(sigma) vt, fp64, sigma descending, k = min(m, n).
struct Decomposition {
  at::Tensor u, sigma, vt;  // [m,k], [k], [k,n]
};

// matrix [m,n] of any floating-point type. The product is exact to fp64 rounding whatever the spectrum; single vectors
// belonging to singular values below 1e-8 of the largest are not.
Decomposition decompose(const at::Tensor& matrix);

// In which error an approximation is the best: |(W - W') root|_F. Made in fp64 on its argument's device.
class Metric {
 public:
  Metric() = default;  // of the weights themselves
  // Behind the gain [d] of the norm before: root is diag(gain).
  static Metric gain(const at::Tensor& gain);
  // Of the outputs W x: root is the square root of the moment [d,d], the mean of x x^T over tokens (CARE, arXiv
  // 2603.17946), with kDamping of its mean eigenvalue added to each, so that what calibration never saw is kept, too.
  static Metric activations(const at::Tensor& moment);
  static constexpr double kDamping = 0.01;

  at::Tensor behind(const at::Tensor& weights) const;  // [...,d], real or complex -> weights root
  at::Tensor before(const at::Tensor& down) const;     // [r,d] -> down root^-1; what a gain of 0 hides stays hidden

 private:
  at::Tensor gain_, root_, inverse_;
};

Energies energies(const at::Tensor& matrix);
Energies energies(const Decomposition& decomposition);

// up [m,rank] down [rank,n], whose product is the best approximation of this rank.
struct Factors {
  at::Tensor down, up;
};
Factors factors(const Decomposition& decomposition, int64_t rank, SigmaSide side);

}  // namespace frugal::x_ecomla
