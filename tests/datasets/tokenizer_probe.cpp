// Lets a Python test call the tokenizers: one JSON request a line on stdin, one JSON answer a line on stdout.
//   tokenizer_probe MODEL < {"text":..., "pair":..., "special":bool, "max_length":n, "truncation":name}
//   -> {"ids":[...], "type_ids":[...], "mask":[...], "decoded":..., "decoded_plain":...} or {"error": code}
//   {"ids":[...]} -> {"decoded":..., "decoded_plain":...}
//   {"chat":[{"role":...,"content":...}], "jinja":text or "format":name, "prompt":bool} -> {"name":..., "text":...}
// "bytes" instead of "text" gives the text as a list of byte values, for input that is no UTF-8.
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "datasets/tokenizers/chat_template.h"
#include "datasets/tokenizers/tokenizer.h"

namespace {

using Json = nlohmann::json;
namespace tk = frugal::tokenizers;

Json decoded(const tk::Tokenizer& tokenizer, const std::vector<tk::TokenId>& ids) {
  return {{"decoded", tokenizer.decode(ids, false)}, {"decoded_plain", tokenizer.decode(ids, true)}};
}

Json rendered(const Json& request) {
  const auto format = request.contains("jinja")
                          ? tk::ChatTemplate::matching(request["jinja"].get<std::string>(), "request")
                          : tk::ChatTemplate::named(request["format"].get<std::string>());
  std::vector<tk::ChatMessage> messages;
  for (const auto& message : request["chat"]) messages.push_back({message["role"], message["content"]});
  return {{"name", format.name()}, {"text", format.render(messages, request.value("prompt", false))}};
}

Json answer(const tk::Tokenizer& tokenizer, const Json& request) {
  if (request.contains("ids")) return decoded(tokenizer, request["ids"].get<std::vector<tk::TokenId>>());
  if (request.contains("chat")) return rendered(request);
  std::string text = request.value("text", "");
  if (request.contains("bytes"))
    for (const int byte : request["bytes"]) text.push_back(static_cast<char>(byte));
  tk::EncodeOptions options;
  options.add_special_tokens = request.value("special", true);
  if (request.contains("max_length")) options.max_length = request["max_length"].get<std::size_t>();
  options.truncation = tk::truncation_from_name(request.value("truncation", "longest_first"));
  std::optional<std::string> pair;
  if (request.contains("pair")) pair = request["pair"].get<std::string>();
  const auto encoding = tokenizer.encode(text, pair, options);
  Json result = {{"ids", encoding.ids}, {"type_ids", encoding.type_ids}, {"mask", encoding.attention_mask}};
  if (request.value("decode", false)) result.update(decoded(tokenizer, encoding.ids));
  return result;
}

int serve(const char* model) {
  const auto tokenizer = tk::load_tokenizer(model);
  std::string line;
  while (std::getline(std::cin, line)) {
    try {
      std::cout << answer(*tokenizer, Json::parse(line)).dump() << '\n';
    } catch (const frugal::Error& error) {
      std::cout << Json{{"error", error.code()}}.dump() << '\n';
    }
  }
  return std::cout.flush() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: tokenizer_probe MODEL\n";
    return 2;
  }
  try {
    return serve(argv[1]);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
