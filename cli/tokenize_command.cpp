// frugal tokenize: token ids of text, one line a line, and back. Also what the parity tests compare with Python.
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <span>
#include <sstream>
#include <string>

#include "cli/options.h"
#include "cli/run_options.h"
#include "core/config/compose.h"
#include "core/config/show.h"
#include "core/error.h"
#include "core/io/resources.h"
#include "core/io/utf8.h"
#include "datasets/tokenizers/tokenizer.h"
#include "models/architecture.h"
#include "models/options.h"

namespace frugal::cli {

namespace {

namespace po = boost::program_options;

po::options_description describe() {
  po::options_description options("options");
  auto add = options.add_options();
  add("model", po::value<std::string>(),
      "instead of model=...: a folder with tokenizer.json, vocab.txt or tokenizer.model, one of these files, or a GGUF "
      "checkpoint");
  add("file", po::value<std::string>(), "text to read; standard input without it");
  add("json", "an input line is a JSON string, an output line a JSON array");
  add("no-special", "without the special tokens that the tokenizer adds around a text; with --decode without any");
  add("decode", "the other way: an input line is ids (with --json a JSON array), an output line is their text");
  return options;
}

// The text of one line; errors name the line.
std::string text_of(const std::string& line, bool json, const std::string& where) {
  const auto fail = [&](const std::string& message) {
    throw Error(ErrorKind::kBadData, "tokenize_line", message, where);
  };
  if (!json) {
    if (const auto at = io::first_invalid_utf8(line)) fail(cat("byte ", *at, " of the line is no UTF-8"));
    return line;
  }
  try {
    const auto value = nlohmann::json::parse(line, [&](int depth, auto /*event*/, auto& /*value*/) {
      if (depth > 0) fail("expected a JSON string");
      return true;
    });
    if (!value.is_string()) fail("expected a JSON string");
    return value.get<std::string>();
  } catch (const nlohmann::json::exception& error) {
    fail(cat("expected a JSON string: ", io::printable(error.what())));
  }
  return {};
}

std::string format(const std::vector<tokenizers::TokenId>& ids, bool json) {
  std::string text = json ? "[" : "";
  for (std::size_t i = 0; i < ids.size(); ++i) text += (i == 0 ? "" : json ? ", " : " ") + std::to_string(ids[i]);
  return text + (json ? "]\n" : "\n");
}

// The ids of one line: whole numbers with white space between them, or a JSON array of them.
std::vector<tokenizers::TokenId> ids_of(const std::string& line, bool json, const std::string& where) {
  using tokenizers::TokenId;
  const auto fail = [&] {
    throw Error(ErrorKind::kBadData, "tokenize_line", cat("expected token ids, found ", io::printable(line, 64)),
                where);
  };
  std::vector<TokenId> ids;
  const auto add = [&](std::string_view word) {
    auto& id = ids.emplace_back();
    const auto parsed = std::from_chars(word.data(), word.data() + word.size(), id);
    if (parsed.ec != std::errc() || parsed.ptr != word.data() + word.size()) fail();
  };
  if (!json) {
    std::istringstream words(line);
    for (std::string word; words >> word;) add(word);
    return ids;
  }
  try {
    const auto list = nlohmann::json::parse(line, [&](int depth, auto /*event*/, auto& /*value*/) {
      if (depth > 1) fail();
      return true;
    });
    if (!list.is_array()) fail();
    for (const auto& item : list) add(item.dump());
  } catch (const nlohmann::json::exception&) {
    fail();
  }
  return ids;
}

std::string decoded(const tokenizers::Tokenizer& tokenizer, const std::vector<tokenizers::TokenId>& ids, bool json,
                    bool skip_special) {
  const auto text = tokenizer.decode(ids, skip_special);
  return (json ? nlohmann::json(text).dump() : text) + "\n";
}

void tokenize_stream(std::istream& in, const std::string& name, const tokenizers::Tokenizer& tokenizer,
                     const po::variables_map& options) {
  const bool json = options.contains("json");
  tokenizers::EncodeOptions encode;
  encode.add_special_tokens = !options.contains("no-special");
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    const auto where = cat(name, ":", number);
    std::cout << (options.contains("decode")
                      ? decoded(tokenizer, ids_of(line, json, where), json, !encode.add_special_tokens)
                      : format(tokenizer.encode(text_of(line, json, where), encode).ids, json));
  }
  if (in.bad()) throw Error(ErrorKind::kEnvironment, "file_unreadable", "reading failed", name);
  std::cout.flush();
  if (!std::cout) throw Error(ErrorKind::kEnvironment, "write_failed", "standard output cannot be written");
}

// The tokenizer of the composed config's model: model.tokenizer, else what lies beside the weights.
std::filesystem::path tokenizer_of(const std::vector<std::string>& overrides) {
  RunOptions options;
  options.overrides = {"experiment=forward"};  // a config with a model and nothing that needs data
  options.overrides.insert(options.overrides.end(), overrides.begin(), overrides.end());
  const config::Composition composition = config::compose(options.request());
  const config::NodePtr resolved = config::cfg_node(composition, {.resolve = config::Resolve::kYes});
  config::require_no_missing(*resolved);
  const Json config = config::to_json(*resolved);
  const ModelOptions model =
      model_options().read(config.value("model", Json()), "model", [&](auto key) { return composition.where(key); });
  if (model.tokenizer) return io::model_path(*model.tokenizer);
  if (model.path) return io::model_path(*model.path);
  architecture_of(model.architecture, "");  // throws where only a folder could tell
  throw Error(ErrorKind::kUsage, "tokenizer_not_found", "this model has no folder to take a tokenizer from", "model",
              "model=minilm_l6, or model=auto model.path=DIR");
}

std::filesystem::path tokenizer_path(const Parsed& parsed) {
  const bool by_path = parsed.values.contains("model");
  if (by_path != parsed.words.empty())
    throw Error(
        ErrorKind::kUsage, by_path ? "bad_call" : "option_missing",
        by_path ? "give model=... or --model PATH, not both" : "no model is named: give model=... or --model PATH", {},
        "frugal tokenize --help");
  return by_path ? std::filesystem::path(parsed.values["model"].as<std::string>()) : tokenizer_of(parsed.words);
}

constexpr const char* kAbout =
    R"(Token ids of text, one line a line, as Python's tokenizer gives them, special tokens included.

  frugal tokenize model=minilm_l6 --file text.txt
  echo '"two\nlines"' | frugal tokenize model=auto model.path=DIR --json --no-special
  echo 19556 905 | frugal tokenize --model CHECKPOINT.gguf --decode)";

}  // namespace

int tokenize_command(std::span<const std::string> args) {
  const Parsed parsed = parse_options(args, "frugal tokenize model=... [OPTION...] [OVERRIDE...]", kAbout, describe());
  if (parsed.help) return 0;
  const auto& options = parsed.values;
  const auto tokenizer = tokenizers::load_tokenizer(tokenizer_path(parsed));
  std::ios::sync_with_stdio(false);
  if (!options.contains("file")) {
    tokenize_stream(std::cin, "standard input", *tokenizer, options);
    return 0;
  }
  const auto path = options["file"].as<std::string>();
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorKind::kUsage, "file_not_found", "cannot be opened", path);
  tokenize_stream(file, path, *tokenizer, options);
  return 0;
}

}  // namespace frugal::cli
