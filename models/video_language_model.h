// Language models that watch a video as it comes and answer questions about what they saw.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "models/language_model.h"
#include "models/vision_encoder.h"

namespace frugal {

struct AnswerOptions {
  int64_t max_new_tokens = 16;
  std::vector<int64_t> stop_tokens;
};

struct Answer {
  std::vector<int64_t> tokens;
  at::Tensor first_logits;  // [V], of the first answer token: what multiple choice scores
};

// One stream at a time; reset() starts the next. Frames are never changed by questions.
class VideoLanguageModel : public Model {
 public:
  using Model::Model;
  virtual VisionEncoder& vision() = 0;
  virtual LanguageModel& language() = 0;
  // [N,3,H,W] frames -> visual tokens [N,k,d] in the language model's space; methods prune them here.
  virtual at::Tensor encode_frames(const at::Tensor& pixel_values, const StreamContext& stream) = 0;
  virtual void append_visual_tokens(const at::Tensor& tokens, const StreamContext& stream) = 0;
  // retrieval_ids select what of the stream is looked at, prompt_ids are what is answered.
  virtual Answer answer(const std::vector<int64_t>& retrieval_ids, const std::vector<int64_t>& prompt_ids,
                        const AnswerOptions& options) = 0;
};

}  // namespace frugal
