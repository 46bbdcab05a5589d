#include "methods/method.h"

#include "core/error.h"

namespace frugal {
namespace {

[[noreturn]] void does_not_fit(std::string_view method, std::string_view family) {
  throw Error(ErrorKind::kUsage, "method_does_not_fit", cat("method '", method, "' does not work on ", family),
              "method", "frugal list methods says what each one works on");
}

}  // namespace

std::shared_ptr<TextEncoder> Method::apply(std::shared_ptr<TextEncoder>, const MethodContext&) {
  does_not_fit(name(), "text encoders");
}
std::shared_ptr<LanguageModel> Method::apply(std::shared_ptr<LanguageModel>, const MethodContext&) {
  does_not_fit(name(), "language models");
}
std::shared_ptr<Denoiser> Method::apply(std::shared_ptr<Denoiser>, const MethodContext&) {
  does_not_fit(name(), "diffusion models");
}
std::shared_ptr<VisionEncoder> Method::apply(std::shared_ptr<VisionEncoder>, const MethodContext&) {
  does_not_fit(name(), "vision encoders");
}
std::shared_ptr<VideoLanguageModel> Method::apply(std::shared_ptr<VideoLanguageModel>, const MethodContext&) {
  does_not_fit(name(), "video language models");
}

}  // namespace frugal
