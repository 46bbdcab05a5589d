#include "experiments/forward/text_encoder_family.h"

#include "core/error.h"
#include "core/io/resources.h"
#include "methods/registry.h"
#include "models/options.h"
#include "models/text/load.h"

namespace frugal {
namespace {

using results::HostTensor;

constexpr InputSpec kInputs[] = {{.name = "input_ids", .shape = "[B,S]", .required = true},
                                 {.name = "attention_mask", .shape = "[B,S]"},
                                 {.name = "token_type_ids", .shape = "[B,S]"}};

class TextEncoderForward final : public ForwardModel {
 public:
  TextEncoderForward(std::shared_ptr<TextEncoder> model, at::Device device)
      : model_(std::move(model)), device_(device) {}

  Model& model() override { return *model_; }
  int64_t layers() const override { return model_->config().layers; }
  std::span<const InputSpec> inputs() const override { return kInputs; }

  std::vector<NamedTensor> forward(const ForwardInputs& given) override {
    const TextEncoderConfig& config = model_->config();
    const HostTensor& ids = *given.find("input_ids");
    check_rank(ids, 2, "[B,S]");
    check_integers(ids, 0, config.vocabulary - 1, "this model's token ids");
    const auto beside = [&](std::string_view name, int64_t highest, std::string_view meaning) -> at::Tensor {
      const HostTensor* tensor = given.find(name);
      if (tensor == nullptr) return {};
      check_same_shape(*tensor, ids);
      check_integers(*tensor, 0, highest, meaning);
      return to_device(*tensor, device_);
    };
    const TextInputs inputs{
        .input_ids = to_device(ids, device_),
        .attention_mask = beside("attention_mask", 1, "values of a mask"),
        .token_type_ids = beside("token_type_ids", config.token_types - 1, "this model's token types")};
    const TextOutputs outputs = model_->forward(inputs, Pass::evaluation());
    std::vector<NamedTensor> named = {{"last_hidden_state", outputs.last_hidden_state}};
    if (outputs.pooler_output.defined()) named.push_back({"pooler_output", outputs.pooler_output});
    if (outputs.logits.defined()) named.push_back({"logits", outputs.logits});
    return named;
  }

 private:
  std::shared_ptr<TextEncoder> model_;
  at::Device device_;
};

}  // namespace

std::unique_ptr<ForwardModel> open_text_encoder(const ForwardRequest& request) {
  if (!request.options.cache_chunks.empty())
    throw Error(ErrorKind::kUsage, "unread_key", "a text encoder has no cache", "experiment.cache_chunks");
  const ModelOptions options = model_options().read(request.model, "model");
  const std::filesystem::path folder = options.path ? io::model_path(*options.path) : "";
  const uint64_t seed = request.run.seeds.seed("init");
  LoadedTextEncoder loaded =
      load_text_encoder(options.architecture, folder, options.config, /*labels=*/std::nullopt, seed);
  for (const auto& file : loaded.files) request.run.recorder.input("model", file);
  loaded.model->parameters().to(request.device, request.type);
  auto model = std::move(loaded.model);
  if (!request.method.is_null()) model = make_method(request.method)->apply(std::move(model), {.init_seed = seed});
  return std::make_unique<TextEncoderForward>(std::move(model), request.device);
}

}  // namespace frugal
