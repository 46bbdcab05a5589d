#include "methods/registry.h"

#include "core/error.h"
#include "methods/common/peft.h"
#include "methods/meft/meft.h"
#include "methods/x_ecomla/baselines/mha2mla.h"
#include "methods/x_ecomla/baselines/transmla.h"
#include "methods/x_ecomla/kv_quant.h"
#include "methods/x_ecomla/x_ecomla.h"

namespace frugal {

std::unique_ptr<Method> make_method(const Json& node) {
  const std::string_view name = method_info(node).name;
  if (name == "peft") return std::make_unique<PeftMethod>(peft_options().read(node, "method"));
  if (name == "meft") return std::make_unique<meft::MeftMethod>(meft::meft_options().read(node, "method"));
  if (name == "x_ecomla")
    return std::make_unique<x_ecomla::XEcomlaMethod>(x_ecomla::x_ecomla_options().read(node, "method"));
  if (name == "kv_quant")
    return std::make_unique<x_ecomla::KvQuantMethod>(x_ecomla::kv_quant_options().read(node, "method"));
  if (name == "mha2mla")
    return std::make_unique<x_ecomla::Mha2MlaMethod>(x_ecomla::mha2mla_options().read(node, "method"));
  if (name == "transmla")
    return std::make_unique<x_ecomla::TransMlaMethod>(x_ecomla::transmla_options().read(node, "method"));
  throw Error(ErrorKind::kRunFailed, "unknown_method", cat("method '", name, "' is listed but cannot be made"));
}

}  // namespace frugal
