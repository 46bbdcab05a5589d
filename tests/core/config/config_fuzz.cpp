// libFuzzer target: YAML text, an override and an interpolation from one input. Whatever comes in, the answer is a
// value or a frugal::Error.
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/config/compose.h"
#include "core/config/override.h"
#include "core/config/yaml.h"
#include "core/error.h"

namespace {

template <typename Function>
void attempt(Function function) {
  try {
    function();
  } catch (const frugal::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace frugal::config;
  const std::string text(reinterpret_cast<const char*>(data), size);
  attempt([&] {
    const auto root = load_yaml(text, "fuzz.yaml");
    yaml_text(*root);
    json_text(*resolve(root));
  });
  attempt([&] {
    const auto item = parse_override(text);
    if (item.value_kind == ValueKind::kNone) return;
    to_text(item.value);
    json_text(*to_node(item.value, item.mark()));
  });
  attempt([&] {
    auto root = Node::dict();
    root->set("a", Node::of(std::int64_t{1}));
    root->set("v", Node::of(text));
    select(root, "v");
  });
  return 0;
}
