#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <optional>

#include "core/error.h"
#include "core/io/resources.h"
#include "experiments/profile/workload.h"
#include "experiments/text_classification/evaluate.h"
#include "experiments/text_classification/options.h"
#include "experiments/training/step.h"
#include "methods/registry.h"
#include "models/options.h"
#include "models/text/load.h"
#include "models/text_encoder.h"

namespace frugal {
namespace {

class TextEncoderWorkload final : public Workload {
 public:
  explicit TextEncoderWorkload(const WorkloadRequest& request)
      : labels_(request.labels),
        precision_(request.precision),
        device_(request.device),
        run_(request.run),
        scaler_(request.precision, request.device) {
    load(request);
    if (!request.trains) return;
    if (model_->parameters().trainable().empty())
      throw Error(ErrorKind::kUsage, "nothing_to_train", "this method trains nothing, so it has no train_step",
                  "experiment.modes", "experiment.modes=[forward]");
    optimizer_.emplace(model_->parameters().trainable(), AdamWOptions{});
  }

  void prepare(Mode mode, const Size& size) override {
    if (mode != Mode::kForward && mode != Mode::kTrainStep)
      throw Error(ErrorKind::kUsage, "bad_value", "a text encoder has the modes forward and train_step",
                  "experiment.modes");
    const TextEncoderConfig& config = model_->config();
    if (size.length > config.max_positions)
      throw Error(ErrorKind::kUsage, "bad_value",
                  cat("length ", size.length, " is more than the model's ", config.max_positions, " positions"),
                  "experiment.lengths");
    const std::vector<int64_t> shape = {size.batch, size.length};
    const uint64_t seed = run_.seeds.seed("data");
    inputs_ = {.input_ids = draw(shape, config.vocabulary, seed).to(device_),
               .attention_mask = at::ones(shape, at::TensorOptions(at::kLong).device(device_)),
               .token_type_ids = at::zeros(shape, at::TensorOptions(at::kLong).device(device_))};
    targets_ = draw({size.batch}, labels_, seed).to(device_, labels_ == 1 ? at::kFloat : at::kLong);
  }

  int64_t input_bytes() const override {
    return static_cast<int64_t>(inputs_.input_ids.nbytes() + inputs_.attention_mask.nbytes() +
                                inputs_.token_type_ids.nbytes() + targets_.nbytes());
  }

  void forward() override {
    const at::NoGradGuard no_grad;
    const PrecisionScope scope(precision_, device_);
    model_->forward(inputs_, Pass::evaluation());
  }

  void forward_backward() override {
    const Pass pass = Pass::train(run_.seeds.seed("dropout"), 0, 0);
    frugal::forward_backward(
        [&] { return classification_loss(model_->forward(inputs_, pass).logits, targets_, labels_ == 1); },
        {.precision = precision_, .scaler = scaler_}, device_);
  }

  void update() override {
    if (scaler_.unscale(optimizer_->parameters())) {
      clip_gradients(optimizer_->parameters(), 1.0);
      optimizer_->step(0);
    }
    scaler_.update();
    optimizer_->zero_grad();
  }

  int64_t static_bytes(Mode mode) const override {
    return frugal::static_bytes(model_->parameters(), mode == Mode::kTrainStep ? &*optimizer_ : nullptr);
  }

 private:
  void load(const WorkloadRequest& request) {
    const ModelOptions o = model_options().read(request.config.value("model", Json()), "model");
    const uint64_t seed = run_.seeds.seed("init");
    LoadedTextEncoder loaded =
        load_text_encoder(o.architecture, o.path ? io::model_path(*o.path) : "", o.config, labels_, seed);
    for (const auto& file : loaded.files) run_.recorder.input("model", file);
    loaded.model->parameters().to(device_, at::kFloat);
    if (!request.method.is_null()) {
      model_ = make_method(request.method)->apply(std::move(loaded.model), {.init_seed = seed});
      return;
    }
    model_ = std::move(loaded.model);
    model_->parameters().set_trainable([](std::string_view) { return true; });
  }

  int64_t labels_;
  Precision precision_;
  at::Device device_;
  run::RunContext& run_;
  LossScaler scaler_;
  std::shared_ptr<TextEncoder> model_;
  std::optional<AdamW> optimizer_;
  TextInputs inputs_;
  at::Tensor targets_;
};

}  // namespace

std::unique_ptr<Workload> make_text_encoder_workload(const WorkloadRequest& request) {
  return std::make_unique<TextEncoderWorkload>(request);
}

}  // namespace frugal
