#include <ATen/Context.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/argmax.h>

#include <memory>
#include <optional>

#include "core/error.h"
#include "experiments/language_subject.h"
#include "experiments/profile/workload.h"
#include "experiments/training/step.h"
#include "models/language/decode.h"

namespace frugal {
namespace {

at::ScalarType weight_type(Precision precision) {
  switch (precision) {
    case Precision::kBf16:
      return at::kBFloat16;
    case Precision::kFp16:
      return at::kHalf;
    default:
      return at::kFloat;
  }
}

// TF32 needs its switch; 16-bit weights need no autocast.
Precision scope_of(Precision precision) {
  return precision == Precision::kTf32 ? precision : Precision::kFp32;
}

class LanguageModelWorkload final : public Workload {
 public:
  explicit LanguageModelWorkload(const WorkloadRequest& request)
      : precision_(request.precision),
        device_(request.device),
        new_tokens_(request.new_tokens),
        launch_(request.graph ? StepLaunch::kGraph : StepLaunch::kEager),
        run_(request.run) {
    model_ = open_language_subject({.model = request.config.at("model"),
                                    .method = request.method,
                                    .device = device_,
                                    .type = weight_type(precision_),
                                    .run = run_})
                 .model;
    if (!model_->head().weight.defined())
      throw Error(ErrorKind::kUsage, "no_head", "this checkpoint has no output layer, which finds the next token",
                  "model");
  }

  void prepare(Mode mode, const Size& size) override {
    mode_ = mode;
    size_ = size;
    loop_.reset();
    cache_.reset();
    const int64_t more = mode == Mode::kDecode ? new_tokens_ : 0;
    if (size.length + more > model_->config().max_positions)
      throw Error(ErrorKind::kUsage, "bad_value",
                  cat(size.length, " and ", more, " new tokens are more than the model's ",
                      model_->config().max_positions, " positions"),
                  "experiment.lengths");
    cache_ = model_->make_cache(size.batch, size.length + more);
    const uint64_t seed = run_.seeds.seed("data");
    if (mode == Mode::kPrefill) {
      ids_ = draw({size.batch, size.length}, model_->config().vocabulary, seed).to(device_);
      return;
    }
    fill_cache();
    first_ = draw({size.batch}, model_->config().vocabulary, seed).to(device_);
    loop_.emplace(*model_, *cache_, launch_);
  }

  int64_t input_bytes() const override {
    return static_cast<int64_t>(mode_ == Mode::kPrefill ? ids_.nbytes() : first_.nbytes());
  }

  void forward() override {
    const at::NoGradGuard no_grad;
    const PrecisionScope scope(scope_of(precision_), device_);
    if (mode_ == Mode::kPrefill) {
      cache_->clear();
      const at::Tensor hidden = model_->hidden_states({.input_ids = ids_}, cache_.get(), Pass::evaluation());
      at::argmax(model_->logits(hidden.select(1, -1)), -1);
      return;
    }
    cache_->set_lengths(std::vector<int64_t>(static_cast<size_t>(size_.batch), size_.length));
    loop_->start(first_);
    for (int64_t i = 0; i < new_tokens_; ++i) loop_->step();
  }

  void forward_backward() override { no_training(); }
  void update() override { no_training(); }

  int64_t static_bytes(Mode) const override {
    return frugal::static_bytes(model_->parameters(), nullptr) + cache_->allocated_bytes();
  }

  TokenCounts tokens() const override {
    const bool decodes = mode_ == Mode::kDecode;
    return {.processed = size_.batch * (decodes ? new_tokens_ : size_.length),
            .steps = decodes ? new_tokens_ : 1,
            .cache_bytes = size_.batch * size_.length * cache_->bytes_per_token(),
            .cache_bytes_per_token = cache_->bytes_per_token()};
  }

 private:
  [[noreturn]] static void no_training() {
    throw Error(ErrorKind::kUsage, "bad_value", "language models are not trained by this experiment",
                "experiment.modes");
  }

  // A context of normal numbers in place of a prefill, which long contexts would spend all of the time on.
  void fill_cache() {
    const at::NoGradGuard no_grad;
    at::Generator generator = at::globalContext().defaultGenerator(device_).clone();
    generator.set_current_seed(run_.seeds.seed("sampling"));
    for (int64_t layer = 0; layer < cache_->layers(); ++layer)
      for (int64_t slot = 0; slot < cache_->slots(layer); ++slot) {
        at::Tensor table = cache_->table(layer, slot);
        table.normal_(0, 1, generator);
      }
    cache_->set_lengths(std::vector<int64_t>(static_cast<size_t>(size_.batch), size_.length));
  }

  Precision precision_;
  at::Device device_;
  int64_t new_tokens_;
  StepLaunch launch_;
  run::RunContext& run_;
  std::shared_ptr<LanguageModel> model_;
  Mode mode_ = Mode::kPrefill;
  Size size_;
  std::unique_ptr<KvCache> cache_;
  std::optional<DecodeLoop> loop_;
  at::Tensor ids_, first_;
};

}  // namespace

std::unique_ptr<Workload> make_language_model_workload(const WorkloadRequest& request) {
  return std::make_unique<LanguageModelWorkload>(request);
}

}  // namespace frugal
