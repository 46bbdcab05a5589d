#include "datasets/tokenizers/tokenizer_json.h"

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/io/utf8.h"
#include "datasets/tokenizers/json_file.h"
#include "datasets/tokenizers/wordpiece.h"

namespace frugal::tokenizers {

namespace {

using Json = nlohmann::json;
using Vocabulary = std::vector<std::pair<std::string, TokenId>>;

constexpr std::size_t kMaxFileBytes = 64u << 20;
constexpr std::size_t kMaxEntries = 2'000'000;

// A value of the file together with the way to it, so that every error says where it is.
class Node {
 public:
  Node(const Json& value, std::string path, const std::string& file)
      : value_(&value), path_(std::move(path)), file_(&file) {}

  [[noreturn]] void fail(const std::string& message, const char* code = "tokenizer_json") const {
    throw Error(ErrorKind::kBadData, code, message, cat(*file_, ": ", path_));
  }
  bool null() const { return value_->is_null(); }
  bool has(const char* key) const { return value_->is_object() && value_->contains(key); }
  // A missing key is null: absent and null mean the same in this format.
  Node at(const char* key) const {
    static const Json none;
    if (!value_->is_object()) fail("expected an object");
    const auto found = value_->find(key);
    return {found == value_->end() ? none : *found, cat(path_, ".", key), *file_};
  }
  std::vector<Node> list() const {
    if (!value_->is_array()) fail("expected a list");
    std::vector<Node> items;
    items.reserve(value_->size());
    for (std::size_t i = 0; i < value_->size(); ++i) items.emplace_back((*value_)[i], cat(path_, "[", i, "]"), *file_);
    return items;
  }
  const std::string& text() const {
    if (!value_->is_string()) fail("expected a text");
    return value_->get_ref<const std::string&>();
  }
  bool flag() const {
    if (!value_->is_boolean()) fail("expected true or false");
    return value_->get<bool>();
  }
  std::int64_t number(std::int64_t low, std::int64_t high) const {
    const bool whole = value_->is_number_unsigned() || value_->is_number_integer();
    if (!whole || (value_->is_number_unsigned() && value_->get<std::uint64_t>() > static_cast<std::uint64_t>(high)) ||
        value_->get<std::int64_t>() < low)
      fail(cat("expected a whole number in ", low, "..", high));
    return value_->get<std::int64_t>();
  }
  TokenId id() const { return static_cast<TokenId>(number(0, kMaxTokenId - 1)); }
  // "type" of a component; "none" for null.
  std::string type() const { return null() ? "none" : at("type").text(); }

 private:
  const Json* value_;
  std::string path_;
  const std::string* file_;
};

[[noreturn]] void unsupported(const Node& node, const std::string& part, const std::string& type,
                              const std::string& known) {
  node.fail(cat("the ", part, " '", io::printable(type, 64), "' is not supported; supported: ", known),
            "tokenizer_unsupported");
}

constexpr const char* kKnownModels = "WordPiece";

// Keeps the vocabulary out of the JSON tree: as nodes it would cost ten times its size.
class VocabularyCollector {
 public:
  VocabularyCollector(Vocabulary& vocabulary, const std::string& file) : vocabulary_(vocabulary), file_(file) {}

  bool operator()(int depth, Json::parse_event_t event, Json& value) {
    using Event = Json::parse_event_t;
    if (event == Event::key && depth <= 2) return enter(depth, value.get<std::string>());
    if (section_ != "model") return true;
    if (depth == 2 && key_ == "type" && event == Event::value && value.is_string() && value != "WordPiece") {
      static const Json none;  // said at once: other types carry large lists after their type
      unsupported(Node(none, "model.type", file_), "model", value.get<std::string>(), kKnownModels);
    }
    if (depth == 2 && key_ == "merges" && event == Event::array_start) return false;
    if (key_ != "vocab" || depth < 3) return true;
    return collect(event, value);
  }

 private:
  bool enter(int depth, const std::string& key) {
    if (depth == 1) {
      section_ = key;
      key_.clear();
    } else {
      key_ = key;
    }
    const auto path = depth == 1 ? key : cat(section_, ".", key);
    if ((depth == 1 || section_ == "model") && !seen_.insert(path).second)
      throw Error(ErrorKind::kBadData, "tokenizer_json", cat("the key '", io::printable(path), "' appears twice"),
                  file_);
    return true;
  }

  bool collect(Json::parse_event_t event, Json& value) {
    static const Json none;
    const Node place(none, "model.vocab", file_);
    if (event == Json::parse_event_t::key) {
      if (vocabulary_.size() == kMaxEntries) place.fail(cat("more than ", kMaxEntries, " entries"));
      vocabulary_.emplace_back(value.get<std::string>(), -1);
      return false;
    }
    if (event != Json::parse_event_t::value || vocabulary_.empty()) place.fail("expected an object from token to id");
    vocabulary_.back().second = Node(value, "model.vocab", file_).id();
    return true;
  }

  Vocabulary& vocabulary_;
  const std::string& file_;
  std::string section_, key_;
  std::set<std::string> seen_;
};

BertNormalizer read_normalizer(const Node& node) {
  const auto type = node.type();
  if (type == "none")
    return {.clean_text = false, .handle_chinese_chars = false, .strip_accents = false, .lowercase = false};
  if (type != "BertNormalizer") unsupported(node, "normalizer", type, "BertNormalizer");
  const auto strip = node.at("strip_accents");
  return {.clean_text = node.at("clean_text").flag(),
          .handle_chinese_chars = node.at("handle_chinese_chars").flag(),
          .strip_accents = strip.null() ? std::nullopt : std::optional(strip.flag()),
          .lowercase = node.at("lowercase").flag()};
}

WordPieceOptions read_model(const Node& root) {
  const auto model = root.at("model");
  // Files of tokenizers < 0.6 carry no type; these two keys exist only in WordPiece.
  if (!model.at("type").null() || !model.has("max_input_chars_per_word"))
    if (const auto type = model.type(); type != "WordPiece") unsupported(model, "model", type, kKnownModels);
  const auto pre_tokenizer = root.at("pre_tokenizer");
  if (const auto type = pre_tokenizer.type(); type != "BertPreTokenizer")
    unsupported(pre_tokenizer, "pre_tokenizer", type, "BertPreTokenizer");

  WordPieceOptions options;
  options.normalizer = read_normalizer(root.at("normalizer"));
  options.unk_token = model.at("unk_token").text();
  options.continuing_subword_prefix = model.at("continuing_subword_prefix").text();
  options.max_input_chars_per_word =
      static_cast<std::size_t>(model.at("max_input_chars_per_word").number(0, INT64_C(1) << 40));
  const auto decoder = root.at("decoder");
  if (const auto type = decoder.type(); type == "none") {
    options.decoder = false;
  } else if (type == "WordPiece") {
    options.decoder_prefix = decoder.at("prefix").text();
    options.decoder_cleanup = decoder.at("cleanup").flag();
  } else {
    unsupported(decoder, "decoder", type, "WordPiece");
  }
  return options;
}

std::vector<AddedToken> read_added_tokens(const Node& node) {
  std::vector<AddedToken> tokens;
  if (node.null()) return tokens;
  for (const auto& item : node.list()) {
    item.at("id").id();  // checked; the id in force follows from the order, as in the reference
    tokens.push_back({.content = item.at("content").text(),
                      .single_word = item.at("single_word").flag(),
                      .lstrip = item.at("lstrip").flag(),
                      .rstrip = item.at("rstrip").flag(),
                      .normalized = item.at("normalized").flag(),
                      .special = item.at("special").flag()});
    if (tokens.back().content.size() > kMaxTokenBytes) item.fail("the token is too long");
  }
  return tokens;
}

TokenId type_id_of(const Node& node) {
  return static_cast<TokenId>(node.at("type_id").number(0, INT32_MAX));
}

Template read_template(const Node& pieces, const Node& specials) {
  Template result;
  for (const auto& piece : pieces.list()) {
    TemplatePiece out;
    if (piece.has("Sequence")) {
      const auto sequence = piece.at("Sequence");
      const auto& id = sequence.at("id").text();
      if (id != "A" && id != "B") sequence.fail("expected the sequence A or B");
      out.kind = id == "A" ? TemplatePiece::Kind::kFirst : TemplatePiece::Kind::kSecond;
      out.type_id = type_id_of(sequence);
    } else {
      const auto special = piece.at("SpecialToken");
      const auto& name = special.at("id").text();
      out.kind = TemplatePiece::Kind::kSpecial;
      out.type_id = type_id_of(special);
      const auto entry = specials.at(name.c_str());
      if (entry.null()) special.fail(cat("the special token '", io::printable(name), "' is not declared"));
      for (const auto& id : entry.at("ids").list()) out.special_ids.push_back(id.id());
    }
    result.push_back(std::move(out));
  }
  return result;
}

bool uses(const Template& pieces, TemplatePiece::Kind kind) {
  return std::any_of(pieces.begin(), pieces.end(), [&](const auto& piece) { return piece.kind == kind; });
}

SequenceTemplates read_post_processor(const Node& node) {
  const auto type = node.type();
  if (type == "none") return {};
  if (type == "BertProcessing") {
    const auto id_of = [&](const char* key) {
      const auto pair = node.at(key).list();
      if (pair.size() != 2) node.at(key).fail("expected [token, id]");
      return pair[1].id();
    };
    return bert_templates(id_of("cls"), id_of("sep"));
  }
  if (type != "TemplateProcessing") unsupported(node, "post_processor", type, "TemplateProcessing, BertProcessing");
  SequenceTemplates result;
  result.single = read_template(node.at("single"), node.at("special_tokens"));
  result.pair = read_template(node.at("pair"), node.at("special_tokens"));
  if (uses(result.single, TemplatePiece::Kind::kSecond)) node.at("single").fail("a single text has no sequence B");
  if (!uses(result.pair, TemplatePiece::Kind::kFirst) || !uses(result.pair, TemplatePiece::Kind::kSecond))
    node.at("pair").fail("expected both sequences A and B");
  return result;
}

}  // namespace

TokenizerParts read_tokenizer_json(const std::filesystem::path& path) {
  const auto file = path.string();
  Vocabulary vocabulary;
  VocabularyCollector collect(vocabulary, file);
  const auto tree =
      read_json(path, kMaxFileBytes, "tokenizer_json",
                [&](int depth, Json::parse_event_t event, Json& value) { return collect(depth, event, value); });
  const Node root(tree, "$", file);
  if (!root.has("model")) root.fail("the key 'model' is missing");
  TokenizerParts parts;
  auto options = read_model(root);
  parts.templates = read_post_processor(root.at("post_processor"));
  parts.added_tokens = read_added_tokens(root.at("added_tokens"));
  parts.model = std::make_unique<WordPiece>(vocabulary, std::move(options), file);
  return parts;
}

}  // namespace frugal::tokenizers
