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

Energies energies(const at::Tensor& matrix);
Energies energies(const Decomposition& decomposition);

// up [m,rank] down [rank,n], whose product is the best approximation of this rank.
struct Factors {
  at::Tensor down, up;
};
Factors factors(const Decomposition& decomposition, int64_t rank, SigmaSide side);

}  // namespace frugal::x_ecomla
