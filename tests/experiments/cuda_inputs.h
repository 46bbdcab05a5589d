// A small distillation that runs on a GPU: its text, its config.
#pragma once

#include <ATen/Context.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/error.h"
#include "models/nn/cuda_support.h"

namespace frugal::test {

inline bool has_gpu() {
  return at::hasCUDA() && cuda::device_count() > 0;
}

// A byte-level tokenizer of the small letters, and words to train on.
inline void write_inputs(const std::filesystem::path& folder) {
  using nlohmann::json;
  json vocabulary = {{"</s>", 0}, {"\u0120", 1}};
  for (int i = 0; i < 26; ++i) vocabulary[std::string(1, static_cast<char>('a' + i))] = 2 + i;
  const json tokenizer = {
      {"version", "1.0"},
      {"added_tokens",
       {{{"id", 0},
         {"content", "</s>"},
         {"special", true},
         {"single_word", false},
         {"lstrip", false},
         {"rstrip", false},
         {"normalized", false}}}},
      {"normalizer", nullptr},
      {"pre_tokenizer",
       {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}}},
      {"post_processor", nullptr},
      {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}}},
      {"model", {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", json::array()}}}};
  std::ofstream(folder / "tokenizer.json") << tokenizer;
  std::ofstream(folder / "tokenizer_config.json") << json{{"eos_token", "</s>"}};
  std::ofstream text(folder / "text.jsonl");
  for (int line = 0; line < 200; ++line) {
    std::string words;
    for (int i = 0; i < 60; ++i)
      words += static_cast<char>(i % 7 == 6 ? ' ' : 'a' + (line * 5 + i * (line % 3 + 1)) % 26);
    text << json{{"text", words}} << '\n';
  }
}

inline nlohmann::json tiny_decoder(const std::filesystem::path& folder, int width) {
  return {{"architecture", "llama"},
          {"tokenizer", folder.string()},
          {"config",
           {{"vocab_size", 28},
            {"hidden_size", width},
            {"intermediate_size", 2 * width},
            {"num_hidden_layers", 2},
            {"num_attention_heads", 4},
            {"num_key_value_heads", 2},
            {"max_position_embeddings", 64},
            {"initializer_range", 0.2}}}};
}

// 40 steps; the teacher is twice as wide.
inline nlohmann::json distillation_config(const std::filesystem::path& folder, const std::string& device) {
  return {{"seed", 3},
          {"device", {{"type", device}, {"deterministic", "strict"}, {"threads", 1}}},
          {"dataset", {{"name", "text"}, {"files", {(folder / "text.jsonl").string()}}, {"held_out", 0.1}}},
          {"model", tiny_decoder(folder, 32)},
          {"method", nullptr},
          {"experiment",
           {{"name", "distillation"},
            {"teacher", tiny_decoder(folder, 64)},
            {"seq_len", 64},
            {"batch_size", 8},
            {"gradient_accumulation", 2},
            {"tokens", 40 * 16 * 64},
            {"learning_rate", 3e-3},
            {"ce_weight", 0.1},
            {"save_to", "none"}}}};
}

// The same for the command line, in fp32, but for the device.
inline std::string distillation_overrides(const std::filesystem::path& folder) {
  std::string text =
      "experiment=distillation dataset=text dataset.held_out=0.1 seed=3 model=tiny_llama "
      "model@experiment.teacher=tiny_llama experiment.seq_len=64 experiment.batch_size=8 "
      "experiment.gradient_accumulation=2 experiment.tokens=40960 experiment.learning_rate=3e-3 "
      "experiment.ce_weight=0.1 experiment.save_to=none experiment.precision=fp32";
  text += cat(" dataset.files=[", (folder / "text.jsonl").string(), "]");
  for (const auto& [node, width] : {std::pair{"model", 32}, {"experiment.teacher", 64}}) {
    text += cat(" ++", node, ".tokenizer=", folder.string());
    for (const auto& [key, value] : tiny_decoder(folder, width).at("config").items())
      text += cat(" ++", node, ".config.", key, "=", value.dump());
  }
  return text;
}

}  // namespace frugal::test
