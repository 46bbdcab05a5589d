#include "methods/meft/meft.h"

#include "methods/meft/reversible_encoder.h"

namespace frugal::meft {

std::shared_ptr<TextEncoder> MeftMethod::apply(std::shared_ptr<TextEncoder> model, const MethodContext& context) {
  return std::make_shared<ReversibleEncoder>(std::move(model), options_, context.init_seed);
}

}  // namespace frugal::meft
