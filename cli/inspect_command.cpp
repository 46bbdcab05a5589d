// frugal inspect: what is in a file of tensors, a tokenizer or a video, checked as untrusted input.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "cli/inspect_gguf.h"
#include "cli/inspect_video.h"
#include "cli/options.h"
#include "core/error.h"
#include "core/io/safetensors.h"
#include "core/io/utf8.h"
#include "core/text.h"
#include "datasets/tokenizers/tokenizer.h"

namespace frugal::cli {

namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;
using Json = nlohmann::ordered_json;

constexpr const char* kSupported =
    "*.safetensors, *.safetensors.index.json, *.gguf, tokenizer.json, vocab.txt, tokenizer.model, *.mp4, *.m4v, *.mov, "
    "*.mkv, *.webm, *.avi";

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return "[" + joined(shape, ", ", [](std::int64_t size) { return std::to_string(size); }) + "]";
}

Json tensor_json(const io::TensorEntry& tensor) {
  return {{"name", tensor.name},
          {"dtype", std::string(io::dtype_name(tensor.dtype))},
          {"shape", tensor.shape},
          {"offset", tensor.offset},
          {"bytes", tensor.bytes.size()}};
}

void print_tensors(const std::vector<TensorRow>& tensors) {
  std::size_t widest = 4;
  std::uint64_t bytes = 0;
  for (const auto& tensor : tensors) {
    widest = std::max(widest, std::min<std::size_t>(io::printable(tensor.name).size(), 80));
    bytes += tensor.bytes;
  }
  const auto row = [&](const std::string& name, std::string_view dtype, const std::string& size,
                       const std::string& shape) {
    std::string line = name;
    line.resize(std::max(line.size(), widest), ' ');
    std::cout << line << "  " << dtype << std::string(12 - std::min<std::size_t>(11, dtype.size()), ' ')
              << std::string(14 - std::min<std::size_t>(13, size.size()), ' ') << size << "  " << shape << '\n';
  };
  row("name", "dtype", "bytes", "shape");
  for (const auto& tensor : tensors)
    row(io::printable(tensor.name), tensor.type, std::to_string(tensor.bytes), shape_text(tensor.shape));
  std::cout << tensors.size() << " tensors, " << bytes << " bytes\n";
}

void inspect_weights(const fs::path& path, bool json) {
  const auto model = io::SafetensorsModel::open(path);
  if (!json) {
    std::vector<TensorRow> rows;
    for (const auto* tensor : model.tensors())
      rows.push_back({tensor->name, io::dtype_name(tensor->dtype), tensor->bytes.size(), tensor->shape});
    return print_tensors(rows);
  }
  Json out = {{"type", "safetensors"}, {"files", Json::array()}, {"tensors", Json::array()}};
  for (const auto& file : model.files())
    out["files"].push_back({{"path", file.string()}, {"metadata", io::SafetensorsFile::open(file).metadata()}});
  for (const auto* tensor : model.tensors()) {
    out["tensors"].push_back(tensor_json(*tensor));
    if (model.files().size() > 1) out["tensors"].back()["file"] = model.file_of(*tensor).filename().string();
  }
  std::cout << out.dump() << '\n';
}

void inspect_tokenizer(const fs::path& path, bool json) {
  const auto tokenizer = tokenizers::load_tokenizer(path);
  const auto& special = tokenizer->special_tokens();
  const std::pair<const char*, std::optional<tokenizers::TokenId>> roles[] = {
      {"unk", special.unk},   {"pad", special.pad}, {"cls", special.cls}, {"sep", special.sep},
      {"mask", special.mask}, {"bos", special.bos}, {"eos", special.eos}};
  Json out = {{"type", "tokenizer"},
              {"path", path.string()},
              {"algorithm", tokenizer->algorithm()},
              {"vocabulary_size", tokenizer->vocabulary_size()},
              {"special_tokens", Json::object()}};
  for (const auto& [role, id] : roles)
    if (id) out["special_tokens"][role] = {{"id", *id}, {"token", tokenizer->id_to_token(*id).value_or("")}};
  if (json) {
    std::cout << out.dump() << '\n';
    return;
  }
  std::cout << tokenizer->algorithm() << " tokenizer, vocabulary of " << tokenizer->vocabulary_size() << " ids\n";
  for (const auto& [role, entry] : out["special_tokens"].items())
    std::cout << role << "  " << entry["id"] << "  " << io::printable(entry["token"].get<std::string>()) << '\n';
}

bool is_weights(const fs::path& path) {
  return path.extension() == ".safetensors" || path.filename().string().ends_with(".safetensors.index.json");
}

bool is_tokenizer(const fs::path& path) {
  return path.extension() == ".json" || path.filename() == "vocab.txt" || path.extension() == ".model";
}

}  // namespace

int inspect_command(std::span<const std::string> args) {
  po::options_description description("options");
  description.add_options()("json", "print JSON instead of a table")(
      "decode", "of a video: decode every frame, too, so that damage anywhere is found");
  const Parsed options = parse_options(args, "frugal inspect FILE",
                                       cat("What a file of tensors, a tokenizer or a video holds: ", kSupported, "."),
                                       std::move(description), 1, 1);
  if (options.help) return 0;
  const fs::path path = options.words[0];
  if (!fs::exists(path)) throw Error(ErrorKind::kUsage, "file_not_found", "there is no such file", path.string());
  const bool json = options.values.contains("json"), decode = options.values.contains("decode");
  if (decode && !is_video(path))
    throw Error(ErrorKind::kUsage, "bad_option", "--decode is for video files", path.string());
  if (is_weights(path)) {
    inspect_weights(path, json);
  } else if (path.extension() == ".gguf") {
    inspect_gguf(path, json, print_tensors);
  } else if (is_video(path)) {
    inspect_video(path, json, decode);
  } else if (is_tokenizer(path)) {
    inspect_tokenizer(path, json);
  } else {
    throw Error(ErrorKind::kUsage, "file_type_unknown", "no reader for this type of file", path.string(),
                cat("one of ", kSupported));
  }
  std::cout.flush();
  if (!std::cout) throw Error(ErrorKind::kEnvironment, "write_failed", "standard output cannot be written");
  return 0;
}

}  // namespace frugal::cli
