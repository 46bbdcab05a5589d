#include "cli/inspect_gguf.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/io/gguf.h"
#include "core/io/utf8.h"

namespace frugal::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kShownElements = 8;  // of an array; a vocabulary has 10^5
constexpr std::size_t kShownText = 120;

// A number as JSON has it: infinities and NaN become null.
Json scalar_json(const io::GgufValue& value) {
  if (const auto text = value.text()) return std::string(*text);
  if (const auto flag = value.flag()) return *flag;
  if (const auto integer = value.integer()) return *integer;
  const auto number = value.number();
  return number && std::isfinite(*number) ? Json(*number) : Json();
}

Json elements_json(const io::GgufValue& value) {
  const auto head = value.head(kShownElements);
  Json list = Json::array();
  if (const auto texts = head.texts()) {
    for (const auto text : *texts) list.push_back(std::string(text));
  } else if (const auto integers = head.integers()) {
    for (const auto integer : *integers) list.push_back(integer);
  } else {
    for (const auto number : head.numbers().value_or(std::vector<double>()))
      list.push_back(std::isfinite(number) ? Json(number) : Json());
  }
  return list;
}

Json value_json(const io::GgufValue& value) {
  if (value.type() != io::GgufType::kArray)
    return {{"type", io::gguf_type_name(value.type())}, {"value", scalar_json(value)}};
  return {{"type", "array"},
          {"element_type", io::gguf_type_name(value.element_type())},
          {"count", value.count()},
          {"first", elements_json(value)}};
}

std::string value_text(const io::GgufValue& value) {
  if (const auto text = value.text()) return io::printable(*text, kShownText);
  if (value.type() != io::GgufType::kArray) return scalar_json(value).dump();
  std::string text = cat("[", value.count(), " x ", io::gguf_type_name(value.element_type()), "]");
  if (value.count() > 0) text += " " + io::printable(elements_json(value).dump(), kShownText);
  return text;
}

void print(const io::GgufFile& file, const TensorTable& table) {
  std::cout << "GGUF version " << file.version() << ", alignment " << file.alignment() << '\n';
  std::size_t widest = 0;
  for (const auto& entry : file.metadata()) widest = std::max(widest, std::min<std::size_t>(entry.key.size(), 60));
  for (const auto& entry : file.metadata()) {
    std::string key = io::printable(entry.key, 60);
    key.resize(std::max(key.size(), widest), ' ');
    std::cout << key << "  " << value_text(entry.value) << '\n';
  }
  std::cout << '\n';
  std::vector<TensorRow> rows;
  for (const auto& tensor : file.tensors())
    rows.push_back({std::string(tensor.name), io::ggml_type_info(tensor.type).name, tensor.bytes.size(), tensor.shape});
  table(rows);
}

}  // namespace

void inspect_gguf(const std::filesystem::path& path, bool json, const TensorTable& table) {
  const auto file = io::GgufFile::open(path);
  if (!json) return print(file, table);
  Json out = {{"type", "gguf"},
              {"path", path.string()},
              {"version", file.version()},
              {"alignment", file.alignment()},
              {"metadata", Json::object()},
              {"tensors", Json::array()}};
  for (const auto& entry : file.metadata()) out["metadata"][std::string(entry.key)] = value_json(entry.value);
  for (const auto& tensor : file.tensors())
    out["tensors"].push_back({{"name", std::string(tensor.name)},
                              {"dtype", std::string(io::ggml_type_info(tensor.type).name)},
                              {"shape", tensor.shape},
                              {"offset", tensor.offset},
                              {"bytes", tensor.bytes.size()}});
  std::cout << out.dump() << '\n';
}

}  // namespace frugal::cli
