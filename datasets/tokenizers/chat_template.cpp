#include "datasets/tokenizers/chat_template.h"

#include "core/error.h"
#include "core/io/utf8.h"
#include "datasets/tokenizers/unicode.h"

namespace frugal::tokenizers {

namespace {

constexpr const char* kNames = "chatml, smollm2, qwen2, llama3, llama3.1";
constexpr std::string_view kSmolLm2System = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";
constexpr std::string_view kQwen2System = "You are a helpful assistant.";

// str.strip() of Python, which Jinja's trim is.
std::string_view trimmed(std::string_view text) {
  const auto space = [](char32_t c) { return is_whitespace(c) || (c >= 0x1C && c <= 0x1F); };
  std::size_t begin = 0, end = 0;
  bool started = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto step = io::decode_utf8(text, at);
    at += step.bytes;
    if (space(step.code_point)) continue;
    if (!started) begin = at - step.bytes;
    started = true;
    end = at;
  }
  return text.substr(begin, end - begin);
}

std::string chatml(std::string_view role, std::string_view content) {
  return cat("<|im_start|>", role, "\n", content, "<|im_end|>\n");
}

std::string llama3(std::string_view role, std::string_view content) {
  return cat("<|start_header_id|>", role, "<|end_header_id|>\n\n", content, "<|eot_id|>");
}

// One spelling for what Jinja does not tell apart: \n in a literal, space inside the braces.
std::string normalized(std::string_view jinja) {
  std::string text;
  for (std::size_t i = 0; i < jinja.size(); ++i) {
    const auto rest = jinja.substr(i);
    if (rest.starts_with("\\n")) {
      text.push_back('\n');
      ++i;
    } else if (jinja[i] != ' ' ||
               !(text.ends_with("{{") || text.ends_with("{%") || rest.starts_with(" }}") || rest.starts_with(" %}"))) {
      text.push_back(jinja[i]);
    }
  }
  return text;
}

bool take(std::string_view& text, std::string_view part) {
  if (!text.starts_with(part)) return false;
  text.remove_prefix(part.size());
  return true;
}

// The default system message between its literal's start and end.
std::optional<std::string> take_default_system(std::string_view& text) {
  constexpr std::string_view kEnd = "<|im_end|>\n'}}{%endif%}";
  if (!take(text, "{%if loop.first and messages[0]['role'] != 'system'%}{{'<|im_start|>system\n")) return std::nullopt;
  const auto end = text.find(kEnd);
  const auto message = text.substr(0, end);
  if (end == std::string_view::npos || message.find_first_of("'\\{}") != std::string_view::npos) {
    text = {};  // a literal that is more than text
    return std::nullopt;
  }
  text.remove_prefix(end + kEnd.size());
  return std::string(message);
}

struct ChatMl {
  std::optional<std::string> default_system;
};

std::optional<ChatMl> parse_chatml(std::string_view text) {
  take(text, "{%if not add_generation_prompt is defined%}{%set add_generation_prompt = false%}{%endif%}");
  if (!take(text, "{%for message in messages%}")) return std::nullopt;
  ChatMl result{take_default_system(text)};
  const bool whole =
      take(text, "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{%endfor%}") &&
      take(text, "{%if add_generation_prompt%}{{'<|im_start|>assistant\n'}}{%endif%}");
  return whole && trimmed(text).empty() ? std::optional(std::move(result)) : std::nullopt;
}

enum class Prompt { kNo, kAsked, kAlways };

// Whether this is Llama 3's template, and when it starts an answer.
Prompt parse_llama3(std::string_view text) {
  constexpr std::string_view kAnswer = "{{'<|start_header_id|>assistant<|end_header_id|>\n\n'}}";
  const bool loop =
      take(text, "{%set loop_messages = messages%}{%for message in loop_messages%}") &&
      take(text,
           "{%set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | "
           "trim + '<|eot_id|>'%}{%if loop.index0 == 0%}{%set content = bos_token + content%}{%endif%}") &&
      take(text, "{{content}}{%endfor%}");
  if (!loop) return Prompt::kNo;
  const bool asked = take(text, "{%if add_generation_prompt%}");
  if (!take(text, kAnswer) || (asked && !take(text, "{%endif%}")) || !trimmed(text).empty()) return Prompt::kNo;
  return asked ? Prompt::kAsked : Prompt::kAlways;
}

// Llama 3.1's template is long and differs between releases in its tools and images, which are not used here. What it
// does with messages stands in these lines; changed copies of it, of which there are many, lack one of them.
bool is_llama31(std::string_view text) {
  for (const std::string_view part :
       {"date_string = \"26 Jul 2024\"",
        "\n{%- if messages[0]['role'] == 'system'%}\n    {%- set system_message = messages[0]['content']|trim%}\n    "
        "{%- set "
        "messages = messages[1:]%}\n{%- else%}\n    {%- set system_message = \"\"%}\n{%- endif%}\n",
        "\n{{- \"<|start_header_id|>system<|end_header_id|>\n\n\"}}\n",
        "\n{{- \"Cutting Knowledge Date: December 2023\n\"}}\n{{- \"Today Date: \" + date_string + \"\n\n\"}}\n",
        "\n{{- system_message}}\n{{- \"<|eot_id|>\"}}\n",
        "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + "
        "'<|eot_id|>'}}",
        "{%- if add_generation_prompt%}\n    {{- '<|start_header_id|>assistant<|end_header_id|>\n\n'}}\n{%- endif%}"})
    if (text.find(part) == std::string_view::npos) return false;
  return true;
}

}  // namespace

ChatTemplate ChatTemplate::named(std::string_view name) {
  if (name == "llama3") return {"llama3", Family::kLlama3};
  if (name == "llama3.1") return {"llama3.1", Family::kLlama31};
  ChatTemplate result(std::string(name), Family::kChatMl);
  if (name == "smollm2") result.default_system_ = kSmolLm2System;
  if (name == "qwen2") result.default_system_ = kQwen2System;
  if (name != "chatml" && !result.default_system_)
    throw Error(ErrorKind::kUsage, "chat_template_unknown",
                cat("there is no chat template '", io::printable(name, 64), "'"), {}, cat("one of ", kNames));
  return result;
}

ChatTemplate ChatTemplate::matching(std::string_view jinja, const std::string& where) {
  const auto text = normalized(jinja);
  if (auto found = parse_chatml(text)) {
    const auto& system = found->default_system;
    ChatTemplate result(!system                     ? "chatml"
                        : *system == kSmolLm2System ? "smollm2"
                        : *system == kQwen2System   ? "qwen2"
                                                    : "chatml",
                        Family::kChatMl);
    result.default_system_ = std::move(found->default_system);
    return result;
  }
  if (const auto prompt = parse_llama3(text); prompt != Prompt::kNo) {
    auto result = named("llama3");
    result.always_prompt_ = prompt == Prompt::kAlways;
    return result;
  }
  if (is_llama31(text)) return named("llama3.1");
  throw Error(ErrorKind::kBadData, "chat_template_unknown",
              cat("the chat template is none of those known: ", io::printable(jinja, 80)), where,
              cat("name its format: one of ", kNames));
}

std::string ChatTemplate::render(std::span<const ChatMessage> messages, bool add_generation_prompt) const {
  if (messages.empty()) throw Error(ErrorKind::kUsage, "chat_empty", "a conversation has at least one message");
  std::string text;
  const bool prompt = add_generation_prompt || always_prompt_;
  if (family_ == Family::kChatMl) {
    if (default_system_ && messages[0].role != "system") text += chatml("system", *default_system_);
    for (const auto& message : messages) text += chatml(message.role, message.content);
    return prompt ? text + "<|im_start|>assistant\n" : text;
  }
  text = "<|begin_of_text|>";
  if (family_ == Family::kLlama31) {
    const bool own = messages[0].role == "system";
    text += llama3("system", cat("Cutting Knowledge Date: December 2023\nToday Date: ", date_, "\n\n",
                                 own ? trimmed(messages[0].content) : std::string_view()));
    if (own) messages = messages.subspan(1);
  }
  for (const auto& message : messages) text += llama3(message.role, trimmed(message.content));
  return prompt ? text + "<|start_header_id|>assistant<|end_header_id|>\n\n" : text;
}

}  // namespace frugal::tokenizers
