#include "models/nn/dropout.h"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "core/error.h"
#include "models/nn/cuda_support.h"
#include "models/nn/keyed_hash.h"

// The dynamic dispatch of target_clones runs before the address sanitizer is ready.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__)
#define FRUGAL_VECTOR_CLONES
#else
#define FRUGAL_VECTOR_CLONES __attribute__((target_clones("avx2", "default")))
#endif

namespace frugal {
namespace {

template <typename T, typename Compute>
inline void dropout_range(const T* x, T* y, int64_t begin, int64_t end, uint32_t threshold, Compute scale,
                          uint64_t key) {
  const auto low = static_cast<uint32_t>(key), high = static_cast<uint32_t>(key >> 32);
  for (int64_t i = begin; i < end; ++i) {
    const bool keep = keyed_hash(static_cast<uint32_t>(i), low, high) >= threshold;
    y[i] = static_cast<T>(keep ? static_cast<Compute>(x[i]) * scale : Compute{0});
  }
}

FRUGAL_VECTOR_CLONES void dropout_float(const float* x, float* y, int64_t begin, int64_t end, uint32_t threshold,
                                        float scale, uint64_t key) {
  dropout_range<float, float>(x, y, begin, end, threshold, scale, key);
}

at::Tensor run_dropout(const at::Tensor& input, double p, uint64_t key) {
  const at::Tensor x = input.contiguous();
  if (x.numel() > (int64_t{1} << 32))
    throw Error(ErrorKind::kRunFailed, "dropout_too_large", cat("dropout on ", x.numel(), " elements, at most 2^32"));
  at::Tensor y = at::empty_like(x);
  const auto threshold = static_cast<uint32_t>(std::llround(p * 4294967296.0));
  const double scale = 1.0 / (1.0 - p);
  if (x.is_cuda()) {
    cuda::keyed_dropout(x, y, threshold, scale, key);
    return y;
  }
  constexpr int64_t kGrain = 16384;
  if (x.scalar_type() == at::kFloat) {
    at::parallel_for(0, x.numel(), kGrain, [&](int64_t begin, int64_t end) {
      dropout_float(x.const_data_ptr<float>(), y.mutable_data_ptr<float>(), begin, end, threshold,
                    static_cast<float>(scale), key);
    });
    return y;
  }
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, x.scalar_type(), "keyed_dropout", [&] {
    using Compute = std::conditional_t<std::is_same_v<scalar_t, double>, double, float>;
    at::parallel_for(0, x.numel(), kGrain, [&](int64_t begin, int64_t end) {
      dropout_range<scalar_t, Compute>(x.const_data_ptr<scalar_t>(), y.mutable_data_ptr<scalar_t>(), begin, end,
                                       threshold, static_cast<Compute>(scale), key);
    });
  });
  return y;
}

class KeyedDropout : public torch::autograd::Function<KeyedDropout> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x, double p, int64_t key) {
    ctx->saved_data["p"] = p;
    ctx->saved_data["key"] = key;
    return run_dropout(x, p, static_cast<uint64_t>(key));
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 const torch::autograd::variable_list& gradients) {
    const auto key = static_cast<uint64_t>(ctx->saved_data["key"].toInt());
    return {run_dropout(gradients[0], ctx->saved_data["p"].toDouble(), key), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor keyed_dropout(const at::Tensor& x, double p, uint64_t key) {
  if (p == 0) return x;
  if (!(p > 0 && p < 1)) throw Error(ErrorKind::kUsage, "bad_value", cat("dropout must be in [0, 1), found ", p));
  return KeyedDropout::apply(x, p, static_cast<int64_t>(key));
}

}  // namespace frugal
