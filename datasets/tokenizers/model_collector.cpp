#include "datasets/tokenizers/model_collector.h"

#include "core/error.h"
#include "core/io/utf8.h"
#include "datasets/tokenizers/json_node.h"

namespace frugal::tokenizers {

namespace {

using Json = nlohmann::json;
using Event = Json::parse_event_t;

constexpr std::size_t kMaxEntries = 2'000'000;

const Json kNone;

}  // namespace

void ModelCollector::fail(const char* path, const std::string& message) const {
  JsonNode(kNone, path, file_).fail(message);
}

bool ModelCollector::operator()(int depth, Event event, Json& value) {
  if (event == Event::key && depth <= 2) {
    enter(depth, value.get<std::string>());
    return true;
  }
  if (section_ != "model") return true;
  if (depth == 2 && key_ == "type" && event == Event::value && value.is_string() && value != "WordPiece" &&
      value != "BPE")  // said at once: other types carry large lists after their type
    JsonNode(kNone, "$.model.type", file_).unsupported("model", value.get<std::string>(), kKnownModels);
  if (key_ == "merges" && depth >= 3) return collect_merge(depth, event, value);
  if (key_ == "vocab" && depth >= 3) return collect_entry(event, value);
  return true;
}

void ModelCollector::enter(int depth, const std::string& key) {
  if (depth == 1) {
    section_ = key;
    key_.clear();
  } else {
    key_ = key;
  }
  const auto path = depth == 1 ? key : cat(section_, ".", key);
  if ((depth == 1 || section_ == "model") && !seen_.insert(path).second)
    throw Error(ErrorKind::kBadData, "tokenizer_json", cat("the key '", io::printable(path), "' appears twice"), file_);
}

bool ModelCollector::collect_entry(Event event, const Json& value) {
  if (event == Event::key) {
    if (vocabulary_.size() == kMaxEntries) fail("$.model.vocab", cat("more than ", kMaxEntries, " entries"));
    vocabulary_.emplace_back(value.get<std::string>(), -1);
    return false;
  }
  if (event != Event::value || vocabulary_.empty()) fail("$.model.vocab", "expected an object from token to id");
  vocabulary_.back().second = JsonNode(value, "$.model.vocab", file_).id();
  return true;
}

// "a b" or ["a", "b"], the latter for tokens that hold a space.
bool ModelCollector::collect_merge(int depth, Event event, const Json& value) {
  if (event == Event::value && value.is_string() && depth <= 4) {
    const auto& text = value.get_ref<const std::string&>();
    if (depth == 4) {
      pair_.push_back(text);
      if (pair_.size() > 2) fail("$.model.merges", cat("merge ", merges_.size(), ": expected two tokens"));
      return false;
    }
    check_merges();
    if (!merges_.add(text))
      fail("$.model.merges", cat("merge ", merges_.size(), ": expected two tokens with a space between them"));
    return false;
  }
  if (event == Event::array_start && depth == 3) {
    pair_.clear();
    return true;
  }
  if (event == Event::array_end && depth == 3) {
    if (pair_.size() != 2) fail("$.model.merges", cat("merge ", merges_.size(), ": expected two tokens"));
    check_merges();
    merges_.add(pair_[0], pair_[1]);
    return false;
  }
  fail("$.model.merges", cat("merge ", merges_.size(), ": expected a text or a list of two"));
}

void ModelCollector::check_merges() const {
  if (merges_.size() == kMaxEntries) fail("$.model.merges", cat("more than ", kMaxEntries, " merges"));
}

}  // namespace frugal::tokenizers
