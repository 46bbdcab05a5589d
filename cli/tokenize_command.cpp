// frugal tokenize: token ids of text, one line a line. Also what the parity tests compare with Python.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "cli/positional_options.h"
#include "core/error.h"
#include "core/io/utf8.h"
#include "datasets/tokenizers/tokenizer.h"

namespace frugal::cli {

namespace {

namespace po = boost::program_options;

po::options_description describe() {
  po::options_description options("frugal tokenize --model PATH [OPTION...]");
  auto add = options.add_options();
  add("help", "print this help");
  add("model", po::value<std::string>(), "folder with tokenizer.json or vocab.txt, or one of these files");
  add("file", po::value<std::string>(), "text to read; standard input without it");
  add("json", "an input line is a JSON string, an output line a JSON array");
  add("no-special", "without the special tokens that the tokenizer adds around a text");
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

void tokenize_stream(std::istream& in, const std::string& name, const tokenizers::Tokenizer& tokenizer,
                     const po::variables_map& options) {
  const bool json = options.contains("json");
  tokenizers::EncodeOptions encode;
  encode.add_special_tokens = !options.contains("no-special");
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    const auto text = text_of(line, json, cat(name, ":", number));
    std::cout << format(tokenizer.encode(text, encode).ids, json);
  }
  if (in.bad()) throw Error(ErrorKind::kEnvironment, "file_unreadable", "reading failed", name);
  std::cout.flush();
  if (!std::cout) throw Error(ErrorKind::kEnvironment, "write_failed", "standard output cannot be written");
}

}  // namespace

int tokenize_command(std::span<const std::string> args) {
  const auto description = describe();
  const auto options = parse_options(args, description, {}, "tokenize");
  if (options.contains("help")) {
    std::cout << description;
    return 0;
  }
  if (!options.contains("model"))
    throw Error(ErrorKind::kUsage, "option_missing", "--model is missing", {}, "frugal tokenize --help");
  const auto tokenizer = tokenizers::load_tokenizer(options["model"].as<std::string>());
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
