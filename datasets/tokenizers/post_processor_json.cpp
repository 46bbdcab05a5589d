#include "datasets/tokenizers/post_processor_json.h"

#include <algorithm>

#include "core/error.h"
#include "core/io/utf8.h"

namespace frugal::tokenizers {

namespace {

TokenId type_id_of(const JsonNode& node) {
  return static_cast<TokenId>(node.at("type_id").number(0, INT32_MAX));
}

Template read_template(const JsonNode& pieces, const JsonNode& specials) {
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

SequenceTemplates read_template_processing(const JsonNode& node) {
  SequenceTemplates result;
  result.single = read_template(node.at("single"), node.at("special_tokens"));
  result.pair = read_template(node.at("pair"), node.at("special_tokens"));
  if (uses(result.single, TemplatePiece::Kind::kSecond)) node.at("single").fail("a single text has no sequence B");
  if (!uses(result.pair, TemplatePiece::Kind::kFirst) || !uses(result.pair, TemplatePiece::Kind::kSecond))
    node.at("pair").fail("expected both sequences A and B");
  return result;
}

// ["[CLS]", 101]
TokenId token_of(const JsonNode& node, const char* key) {
  const auto pair = node.at(key).list();
  if (pair.size() != 2) node.at(key).fail("expected [token, id]");
  return pair[1].id();
}

}  // namespace

SequenceTemplates read_post_processor(const JsonNode& node) {
  SequenceTemplates result;
  bool found = false;
  for (const auto& step : node.steps("processors")) {
    const auto type = step.type();
    if (type == "ByteLevel") continue;
    if (found) step.fail("more than one step adds special tokens", "tokenizer_unsupported");
    found = true;
    if (type == "TemplateProcessing") {
      result = read_template_processing(step);
    } else if (type == "BertProcessing") {
      result = bert_templates(token_of(step, "cls"), token_of(step, "sep"));
    } else if (type == "RobertaProcessing") {
      result = roberta_templates(token_of(step, "cls"), token_of(step, "sep"));
    } else {
      step.unsupported("post_processor", type, "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel");
    }
  }
  return result;
}

}  // namespace frugal::tokenizers
