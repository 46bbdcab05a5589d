// A method takes a model and gives back a model that is called the same way. A paper's method and the baselines of its
// tables are all methods.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/options.h"

namespace frugal {

class TextEncoder;
class LanguageModel;
class Denoiser;
class VisionEncoder;
class VideoLanguageModel;

// What a method changes beside the model. The experiment asks and obeys; nothing is hidden.
struct MethodTraits {
  bool trains = false;             // has parameters to fine-tune (else it only runs)
  bool needs_calibration = false;  // wants recorded activations or data before it is applied
  bool changes_sampler = false;    // the diffusion sampler must ask it at every step
  bool changes_backward = false;   // its own backward pass; gradients are not plain autograd's
};

// Token sequences of one length, to look at activations with.
struct CalibrationTokens {
  std::vector<int32_t> ids;  // sequences() * seq_len
  int64_t seq_len = 0;
  int64_t sequences() const { return seq_len == 0 ? 0 : static_cast<int64_t>(ids.size()) / seq_len; }
};

struct MethodContext {
  uint64_t init_seed = 0;                // stream "init" of the run, for new weights
  std::filesystem::path artifacts = {};  // root of the artifact store
  // Of the model's own vocabulary, at least one sequence; the same at every call. Empty: nobody gave any.
  std::function<CalibrationTokens()> calibration = {};
};

// The overload of a family that a method does not serve throws Error(kUsage, "method_does_not_fit") naming both.
class Method {
 public:
  virtual ~Method() = default;
  virtual std::string_view name() const = 0;
  virtual MethodTraits traits() const = 0;
  virtual std::shared_ptr<TextEncoder> apply(std::shared_ptr<TextEncoder> model, const MethodContext& context);
  virtual std::shared_ptr<LanguageModel> apply(std::shared_ptr<LanguageModel> model, const MethodContext& context);
  virtual std::shared_ptr<Denoiser> apply(std::shared_ptr<Denoiser> model, const MethodContext& context);
  virtual std::shared_ptr<VisionEncoder> apply(std::shared_ptr<VisionEncoder> model, const MethodContext& context);
  virtual std::shared_ptr<VideoLanguageModel> apply(std::shared_ptr<VideoLanguageModel> model,
                                                    const MethodContext& context);
};

}  // namespace frugal
