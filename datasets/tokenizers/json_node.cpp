#include "datasets/tokenizers/json_node.h"

#include "core/error.h"
#include "core/io/utf8.h"
#include "datasets/tokenizers/vocabulary.h"

namespace frugal::tokenizers {

using Json = nlohmann::json;

void JsonNode::fail(const std::string& message, const char* code) const {
  throw Error(ErrorKind::kBadData, code, message, cat(*file_, ": ", path_));
}

void JsonNode::unsupported(const char* part, const std::string& type, const char* known) const {
  fail(cat("the ", part, " '", io::printable(type, 64), "' is not supported; supported: ", known),
       "tokenizer_unsupported");
}

JsonNode JsonNode::at(const char* key) const {
  static const Json none;
  if (!value_->is_object()) fail("expected an object");
  const auto found = value_->find(key);
  return {found == value_->end() ? none : *found, cat(path_, ".", key), *file_};
}

std::vector<JsonNode> JsonNode::list() const {
  if (!value_->is_array()) fail("expected a list");
  std::vector<JsonNode> items;
  items.reserve(value_->size());
  for (std::size_t i = 0; i < value_->size(); ++i) items.emplace_back((*value_)[i], cat(path_, "[", i, "]"), *file_);
  return items;
}

const std::string& JsonNode::text() const {
  if (!value_->is_string()) fail("expected a text");
  return value_->get_ref<const std::string&>();
}

bool JsonNode::flag() const {
  if (!value_->is_boolean()) fail("expected true or false");
  return value_->get<bool>();
}

std::int64_t JsonNode::number(std::int64_t low, std::int64_t high) const {
  const bool whole = value_->is_number_unsigned() || value_->is_number_integer();
  if (!whole || (value_->is_number_unsigned() && value_->get<std::uint64_t>() > static_cast<std::uint64_t>(high)) ||
      value_->get<std::int64_t>() < low)
    fail(cat("expected a whole number in ", low, "..", high));
  return value_->get<std::int64_t>();
}

TokenId JsonNode::id() const {
  return static_cast<TokenId>(number(0, kMaxTokenId - 1));
}

std::vector<JsonNode> JsonNode::steps(const char* key) const {
  if (null()) return {};
  if (type() != "Sequence") return {*this};
  auto items = at(key).list();
  for (const auto& item : items)
    if (item.type() == "Sequence") item.fail("a sequence in a sequence");
  return items;
}

}  // namespace frugal::tokenizers
