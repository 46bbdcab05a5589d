#include "core/config/yaml_graph.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <set>
#include <sstream>
#include <unordered_map>

#include "core/config/errors.h"

namespace frugal::config::yaml {

namespace {

class GraphBuilder : public YAML::EventHandler {
 public:
  GraphBuilder(RawDocument& document, std::shared_ptr<const std::string> source, const YamlLimits& limits)
      : document_(document), source_(std::move(source)), limits_(limits) {}

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_key_without_colon(mark);
    add(RawNode::Kind::kScalar, mark, "?", anchor)->open = false;
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto* target = anchors_.at(anchor);
    if (target->open) fail("yaml_error", "an alias refers to a node that contains it", place(mark));
    attach(target);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto* node = add(RawNode::Kind::kScalar, mark, tag, anchor);
    node->text = value;
    node->open = false;
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    push(add(RawNode::Kind::kSequence, mark, tag, anchor), style);
  }
  void OnSequenceEnd() override { pop(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    push(add(RawNode::Kind::kMapping, mark, tag, anchor), style);
  }
  void OnMapEnd() override { pop(); }

  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    if (!anchor_names_.insert(name).second)
      fail("yaml_error", cat("the anchor '", name, "' is defined twice"), place(mark));
  }

 private:
  struct Frame {
    RawNode* node;
    RawNode* key = nullptr;  // read, its value not yet
  };

  Mark place(const YAML::Mark& mark) const { return {source_, mark.line + 1, mark.column + 1}; }

  RawNode* add(RawNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (document_.nodes.size() >= limits_.nodes)
      fail("yaml_error", cat("more than ", limits_.nodes, " values in one file"), place(mark));
    auto& node = document_.nodes.emplace_back();
    node.kind = kind;
    node.tag = tag;
    node.mark = place(mark);
    if (anchor != 0) anchors_[anchor] = &node;
    attach(&node);
    return &node;
  }

  void attach(RawNode* node) {
    if (stack_.empty()) {
      document_.root = node;
      return;
    }
    auto& frame = stack_.back();
    if (frame.node->kind == RawNode::Kind::kSequence) {
      frame.node->items.push_back(node);
    } else if (frame.key == nullptr) {
      frame.key = node;
    } else {
      frame.node->pairs.emplace_back(frame.key, node);
      frame.key = nullptr;
    }
  }

  void push(RawNode* node, YAML::EmitterStyle::value style) {
    node->flow = style == YAML::EmitterStyle::Flow;
    if (stack_.size() >= limits_.depth)
      fail("yaml_error", cat("values nested deeper than ", limits_.depth, " levels"), node->mark);
    stack_.push_back({node});
  }

  void pop() {
    stack_.back().node->open = false;
    stack_.pop_back();
  }

  // yaml-cpp takes `name` on a line of its own inside a block mapping as `name: null`; its null then has the place of
  // the key, where a real empty value has the place of what follows.
  void refuse_key_without_colon(const YAML::Mark& mark) const {
    if (stack_.empty()) return;
    const auto& [node, key] = stack_.back();
    if (node->kind != RawNode::Kind::kMapping || node->flow || key == nullptr) return;
    if (key->kind == RawNode::Kind::kScalar && key->mark.line == mark.line + 1 && key->mark.column == mark.column + 1)
      fail("yaml_error", cat("expected ':' after the key '", key->text, "'"), key->mark);
  }

  RawDocument& document_;
  std::shared_ptr<const std::string> source_;
  const YamlLimits& limits_;
  std::vector<Frame> stack_;
  std::unordered_map<YAML::anchor_t, RawNode*> anchors_;
  std::set<std::string> anchor_names_;
};

}  // namespace

RawDocument parse_graph(const std::string& text, const std::string& name, const YamlLimits& limits) {
  RawDocument document;
  const auto source = std::make_shared<const std::string>(name);
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    GraphBuilder builder(document, source, limits);
    if (!parser.HandleNextDocument(builder)) return document;
    RawDocument second;
    GraphBuilder rest(second, source, limits);
    if (parser.HandleNextDocument(rest))
      fail("yaml_error", "a config file holds one document, here a second one starts",
           second.root ? second.root->mark : Mark{source});
  } catch (const YAML::Exception& error) {
    fail("yaml_error", error.msg, Mark{source, error.mark.line + 1, error.mark.column + 1});
  }
  return document;
}

}  // namespace frugal::config::yaml
