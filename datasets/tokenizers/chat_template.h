// Conversations as the text that a chat model was trained on. Checkpoints carry a Jinja program for that; here it is
// recognised, not run: a template is one of the formats below or an error.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace frugal::tokenizers {

struct ChatMessage {
  std::string role;  // "system", "user", "assistant"
  std::string content;
};

class ChatTemplate {
 public:
  // chatml    <|im_start|>role\ncontent<|im_end|>\n
  // smollm2   chatml with SmolLM2's system message where a conversation starts with none
  // qwen2     chatml with Qwen 2's
  // llama3    <|begin_of_text|>, then <|start_header_id|>role<|end_header_id|>\n\ncontent<|eot_id|>, contents trimmed
  // llama3.1  llama3 with a system message that starts with the dates (Llama 3.1, 3.2, 3.3; without tools)
  // Error(kUsage, "chat_template_unknown") names them.
  static ChatTemplate named(std::string_view name);

  // The format of a Jinja template: the published templates of the formats, with any default system message.
  // Error(kBadData, "chat_template_unknown"); `where` names the file in it.
  static ChatTemplate matching(std::string_view jinja, const std::string& where);

  // checkpoint: a folder (chat_template.jinja, else chat_template of tokenizer_config.json) or a GGUF file
  // (tokenizer.chat_template). Empty when it has none.
  // Errors: those of matching and of the files' readers.
  static std::optional<ChatTemplate> of_checkpoint(const std::filesystem::path& checkpoint);

  // The whole conversation; with add_generation_prompt followed by the start of an answer. Special tokens are in the
  // text, BOS included: encode it with EncodeOptions::add_special_tokens = false.
  // Error(kUsage, "chat_empty") without messages.
  std::string render(std::span<const ChatMessage> messages, bool add_generation_prompt) const;

  const std::string& name() const { return name_; }
  // The message that is put first where a conversation has no system message; empty for none.
  const std::optional<std::string>& default_system() const { return default_system_; }
  // The day that llama3.1 names: "26 Jul 2024" unless set, so that a run can be repeated. Llama 3.2's template names
  // the current day where its reader tells it.
  ChatTemplate& set_date(std::string date) {
    date_ = std::move(date);
    return *this;
  }

 private:
  enum class Family { kChatMl, kLlama3, kLlama31 };
  ChatTemplate(std::string name, Family family) : name_(std::move(name)), family_(family) {}

  std::string name_;
  Family family_;
  std::optional<std::string> default_system_ = {};
  std::string date_ = "26 Jul 2024";
  bool always_prompt_ = false;  // the first published template of Llama 3 starts an answer whatever it is told
};

}  // namespace frugal::tokenizers
