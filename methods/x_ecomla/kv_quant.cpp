#include "methods/x_ecomla/kv_quant.h"

#include "core/error.h"
#include "models/language/decoder.h"
#include "models/language/grouped_attention.h"

namespace frugal::x_ecomla {
namespace {

std::shared_ptr<const KvCodec> codec_of(const KvQuantOptions& options, int64_t head) {
  if (options.bits != 4 && options.bits != 8)
    throw Error(ErrorKind::kUsage, "bad_value", cat("bits must be 4 or 8, found ", options.bits), "method.bits");
  const int64_t group = options.group.value_or(head);
  if (head % group != 0 || (options.bits == 4 && group % 2 != 0))
    throw Error(ErrorKind::kUsage, "bad_value", cat("a group of ", group, " does not divide a head of ", head),
                "method.group", "a divisor of the head's width, even for 4 bits");
  return std::make_shared<const IntegerCodec>(options.bits, group);
}

}  // namespace

std::shared_ptr<LanguageModel> KvQuantMethod::apply(std::shared_ptr<LanguageModel> model, const MethodContext&) {
  const auto decoder = std::dynamic_pointer_cast<Decoder>(model);
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorKind::kUsage, "method_does_not_fit", why, "method", "a model with keys and values in its cache");
  };
  if (!decoder) refuse(cat("the cache of ", model->architecture(), " cannot be replaced"));
  for (const int64_t layer : chosen_layers(options_.layers, decoder->config().layers)) {
    auto& attention = decoder->layer(layer).attention;
    const auto* old = dynamic_cast<const GroupedAttention*>(attention.get());
    if (old == nullptr) refuse(cat("layer ", layer, " has no keys and values in its cache"));
    GroupedAttentionSpec spec = old->spec();
    spec.codec = codec_of(options_, spec.head_size);
    attention = std::make_unique<GroupedAttention>(layer, std::move(spec), old->query(), old->key(), old->value(),
                                                   old->output());
  }
  return model;
}

}  // namespace frugal::x_ecomla
