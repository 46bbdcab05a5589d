#include "datasets/preferences.h"

#include "core/error.h"
#include "datasets/messages.h"
#include "datasets/table_file.h"

namespace frugal::datasets {
namespace {

struct Conversation {
  std::string prompt, answer;
};

Conversation split_conversation(const LineFile& lines, const nlohmann::json& value, const TextFileOptions& options) {
  const auto messages = read_messages(lines, value, options);
  if (messages.size() < 2) lines.fail("a conversation needs a message before the answer");
  const tokenizers::ChatTemplate& format = required_template(lines, options);
  const std::string whole = format.render(messages, /*add_generation_prompt=*/false);
  Conversation out{.prompt = format.render(std::span(messages).first(messages.size() - 1), false)};
  if (!whole.starts_with(out.prompt)) lines.fail("the template does not write the answer behind the prompt");
  out.answer = whole.substr(out.prompt.size());
  return out;
}

PreferencePair pair_of(const LineFile& lines, const nlohmann::json& row, const TextFileOptions& options) {
  const auto chosen = row.find("chosen"), rejected = row.find("rejected"), prompt = row.find("prompt");
  if (chosen == row.end() || rejected == row.end())
    column_unknown(lines, row, "'chosen' and 'rejected'", "each line needs both");
  if (chosen->is_array()) {
    const Conversation good = split_conversation(lines, *chosen, options),
                       bad = split_conversation(lines, *rejected, options);
    if (good.prompt != bad.prompt) lines.fail("chosen and rejected answer different prompts");
    return {.prompt = good.prompt, .chosen = good.answer, .rejected = bad.answer};
  }
  if (prompt == row.end() || !prompt->is_string() || !chosen->is_string() || !rejected->is_string())
    lines.fail("'prompt', 'chosen' and 'rejected' must be texts, or chosen and rejected conversations");
  return {.prompt = prompt->get<std::string>(),
          .chosen = chosen->get<std::string>(),
          .rejected = rejected->get<std::string>()};
}

}  // namespace

PreferenceSet load_preferences(const std::vector<std::filesystem::path>& files, const TextFileOptions& options,
                               std::string_view role) {
  PreferenceSet set;
  for (const auto& path : files) {
    set.sources.push_back({.role = std::string(role), .path = path});
    LineFile lines(path);
    std::string_view line;
    while (lines.next(line)) {
      PreferencePair pair = pair_of(lines, parse_object(lines, line), options);
      pair.id = cat(path.filename().string(), ":", lines.number());
      set.pairs.push_back(std::move(pair));
    }
  }
  return set;
}

}  // namespace frugal::datasets
