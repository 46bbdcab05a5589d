#include "models/language/decode.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include "core/error.h"

namespace frugal {

DecodeLoop::DecodeLoop(LanguageModel& model, KvCache& cache, StepLaunch launch)
    : model_(model), cache_(cache), launch_(launch) {
  const at::NoGradGuard no_grad;
  const auto options = at::TensorOptions(at::kLong).device(cache.device());
  tokens_ = at::zeros({cache.sequences(), 1}, options);
  stored_ = at::zeros({cache.sequences()}, options);
}

void DecodeLoop::start(const at::Tensor& tokens) {
  if (tokens.sizes() != at::IntArrayRef({cache_.sequences()}) || tokens.scalar_type() != at::kLong)
    throw Error(ErrorKind::kUsage, "bad_inputs",
                cat("tokens are ", tokens.sizes(), " ", c10::toString(tokens.scalar_type()), ", expected ",
                    cache_.sequences(), " int64"));
  const at::NoGradGuard no_grad;
  tokens_.copy_(tokens.unsqueeze(1));
  stored_.copy_(at::tensor(cache_.lengths(), at::kLong));
}

void DecodeLoop::step() {
  cache_.advance(1);
  try {
    if (graph_ == nullptr && steps_ > 0 && launch_ == StepLaunch::kGraph && tokens_.is_cuda())
      graph_ = cuda::capture_graph([this] { run(); });
    if (graph_ != nullptr)
      graph_->replay();
    else
      run();
  } catch (...) {
    std::vector<int64_t> before = cache_.lengths();
    for (int64_t& length : before) --length;
    cache_.set_lengths(before);
    throw;
  }
  ++steps_;
}

// Writes to tokens_ and stored_ in place, since a graph repeats this on the same memory.
void DecodeLoop::run() {
  const at::NoGradGuard no_grad;
  const at::Tensor hidden =
      model_.hidden_states({.input_ids = tokens_, .stored = stored_}, &cache_, Pass::evaluation());
  logits_ = model_.logits(hidden.select(1, 0));
  tokens_.copy_(at::argmax(logits_, -1, true));
  stored_.add_(1);
}

at::Tensor DecodeLoop::generate(int64_t steps) {
  at::Tensor out = at::empty({cache_.sequences(), steps}, tokens_.options());
  for (int64_t i = 0; i < steps; ++i) {
    step();
    out.narrow(1, i, 1).copy_(tokens_);
  }
  return out;
}

}  // namespace frugal
