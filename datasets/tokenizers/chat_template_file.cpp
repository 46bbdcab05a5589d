// Where checkpoints keep their chat template.
#include "core/error.h"
#include "core/io/file.h"
#include "core/io/gguf.h"
#include "datasets/tokenizers/chat_template.h"
#include "datasets/tokenizers/json_file.h"

namespace frugal::tokenizers {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxFileBytes = 16u << 20;

// "chat_template": a text, or a list of {"name", "template"} of which the one named default counts.
std::optional<std::string> template_of(const nlohmann::json& config, const std::string& where) {
  const auto found = config.find("chat_template");
  if (found == config.end() || found->is_null()) return std::nullopt;
  if (found->is_string()) return found->get<std::string>();
  const auto is_text = [](const nlohmann::json& item, const char* key) {
    return item.is_object() && item.contains(key) && item[key].is_string();
  };
  if (found->is_array())
    for (const auto& item : *found)
      if (is_text(item, "name") && is_text(item, "template") && item["name"] == "default")
        return item["template"].get<std::string>();
  throw Error(ErrorKind::kBadData, "tokenizer_config",
              "'chat_template': expected a text, or a list with a template named default", where);
}

}  // namespace

std::optional<ChatTemplate> ChatTemplate::of_checkpoint(const fs::path& checkpoint) {
  if (checkpoint.extension() == ".gguf") {
    constexpr std::string_view kKey = "tokenizer.chat_template";
    const auto file = io::GgufFile::open(checkpoint);
    const auto text = file.text(kKey);
    return text ? std::optional(matching(*text, file.where(kKey))) : std::nullopt;
  }
  const auto folder = fs::is_directory(checkpoint) ? checkpoint : checkpoint.parent_path();
  if (const auto path = folder / "chat_template.jinja"; fs::exists(path))
    return matching(io::read_file(path, kMaxFileBytes), path.string());
  const auto path = folder / "tokenizer_config.json";
  if (!fs::exists(path)) return std::nullopt;
  const auto text = template_of(read_json(path, kMaxFileBytes, "tokenizer_config"), path.string());
  return text ? std::optional(matching(*text, path.string())) : std::nullopt;
}

}  // namespace frugal::tokenizers
