#include "experiments/forward/language_model_family.h"

#include <ATen/ops/cat.h>

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "experiments/language_subject.h"

namespace frugal {
namespace {

using results::HostTensor;

constexpr InputSpec kInputs[] = {{.name = "input_ids", .shape = "[B,S]", .required = true},
                                 {.name = "attention_mask", .shape = "[B,S]"},
                                 {.name = "position_ids", .shape = "[B,S]"}};

// Tokens of every row; Error(kBadData, "input_value") unless all padding is on the right, and not the whole row.
std::vector<int64_t> row_lengths(const HostTensor& mask) {
  const auto values = mask.as<int64_t>();
  const auto width = static_cast<size_t>(mask.shape[1]);
  std::vector<int64_t> lengths;
  for (size_t row = 0; row < static_cast<size_t>(mask.shape[0]); ++row) {
    const auto ones = values.subspan(row * width, width);
    const int64_t length = std::accumulate(ones.begin(), ones.end(), int64_t{0});
    for (size_t t = 0; t < width; ++t)
      if (ones[t] != (static_cast<int64_t>(t) < length ? 1 : 0) || length == 0)
        throw Error(ErrorKind::kBadData, "input_value",
                    cat("row ", row, " is padded elsewhere than on its right, which a cache does not take"),
                    "attention_mask", "leave out experiment.cache_chunks");
    lengths.push_back(length);
  }
  return lengths;
}

class LanguageModelForward final : public ForwardModel {
 public:
  LanguageModelForward(std::shared_ptr<LanguageModel> model, const ForwardRequest& request)
      : model_(std::move(model)), device_(request.device), chunks_(request.options.cache_chunks) {}

  Model& model() override { return *model_; }
  int64_t layers() const override { return model_->config().layers; }
  std::span<const InputSpec> inputs() const override { return kInputs; }

  std::vector<NamedTensor> forward(const ForwardInputs& given) override {
    const LanguageModelConfig& config = model_->config();
    const HostTensor& ids = *given.find("input_ids");
    check_rank(ids, 2, "[B,S]");
    check_integers(ids, 0, config.vocabulary - 1, "this model's token ids");
    LanguageModelInputs inputs{.input_ids = to_device(ids, device_)};
    const HostTensor* mask = given.find("attention_mask");
    if (mask != nullptr) {
      check_same_shape(*mask, ids);
      check_integers(*mask, 0, 1, "values of a mask");
    }
    if (const HostTensor* positions = given.find("position_ids")) {
      check_same_shape(*positions, ids);
      check_integers(*positions, 0, (int64_t{1} << 30) - 1, "positions");
      inputs.positions = to_device(*positions, device_);
    }
    at::Tensor hidden;
    if (chunks_.empty()) {
      if (mask != nullptr) inputs.attention_mask = to_device(*mask, device_);
      hidden = model_->hidden_states(inputs, nullptr, Pass::evaluation());
    } else {
      if (mask != nullptr) inputs.lengths = row_lengths(*mask);
      hidden = through_cache(inputs);
    }
    std::vector<NamedTensor> named = {{"last_hidden_state", hidden}};
    if (model_->head().weight.defined()) named.push_back({"logits", model_->logits(hidden)});
    return named;
  }

 private:
  // The sequence piece by piece; rows that end within a piece take what is left of them, then nothing.
  at::Tensor through_cache(const LanguageModelInputs& whole) {
    const int64_t batch = whole.input_ids.size(0), width = whole.input_ids.size(1);
    const auto cache = model_->make_cache(batch, width);
    std::vector<at::Tensor> states;
    for (int64_t first = 0, piece = 0; first < width; ++piece) {
      const bool last = piece >= static_cast<int64_t>(chunks_.size());
      const int64_t count = last ? width - first : std::min(chunks_[static_cast<size_t>(piece)], width - first);
      LanguageModelInputs inputs{.input_ids = whole.input_ids.narrow(1, first, count)};
      if (whole.positions.defined()) inputs.positions = whole.positions.narrow(1, first, count);
      for (const int64_t length : whole.lengths)
        inputs.lengths.push_back(std::clamp(length - first, int64_t{0}, count));
      states.push_back(model_->hidden_states(inputs, cache.get(), Pass::evaluation()));
      first += count;
    }
    return at::cat(states, 1);
  }

  std::shared_ptr<LanguageModel> model_;
  at::Device device_;
  std::vector<int64_t> chunks_;
};

}  // namespace

std::unique_ptr<ForwardModel> open_language_model(const ForwardRequest& request) {
  LanguageSubject subject = open_language_subject({.model = request.model,
                                                   .method = request.method,
                                                   .device = request.device,
                                                   .type = request.type,
                                                   .run = request.run});
  return std::make_unique<LanguageModelForward>(std::move(subject.model), request);
}

}  // namespace frugal
