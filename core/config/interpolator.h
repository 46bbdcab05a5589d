// Evaluation of interpolations against a config tree, and look-up of dotted keys through them.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/interpolation.h"
#include "core/config/node.h"

namespace frugal::config {

// Results live as long as the Interpolator (values made by resolvers) or as the tree (referenced nodes).
class Interpolator {
 public:
  // The node itself, or what its interpolation stands for. Throws interpolation_*, unknown_resolver.
  Node* dereference(Node& node);
  // The same, but null where that fails.
  Node* try_dereference(Node& node);

  struct Selected {
    Node* parent = nullptr;  // the container that holds the last segment; null when the path ends before it
    Node* value = nullptr;
  };
  // OmegaConf's select from `container`: null value when a segment is absent; throws not_a_container when a scalar
  // stands in the way, and missing_value for `???` when asked to.
  Selected select(Node& container, std::string_view key, bool throw_on_missing);
  // select() for resolvers: absolute from the root, or relative with leading dots; null when there is no value.
  Node* select_value(Node& container, std::string_view key, bool throw_on_missing);
  // Evaluates one element in the context of a node (oc.decode).
  Node* evaluate_element(const std::string& text, Node& parent, Node& node);

  // Keeps a made value alive; `parent` gives its own interpolations their context.
  Node* keep(NodePtr value, Node* parent = nullptr);
  // A deep copy with every interpolation replaced.
  NodePtr resolved_copy(Node& node);

 private:
  struct Context {
    Node* parent;  // the container of the node being resolved
    Node* node;
  };
  using Memo = std::set<const Node*>;

  Node* resolve_node(Node& node, Memo* memo);
  Node* evaluate(const Expression& expression, const Context& context, Memo* memo);
  Node* evaluate_text(const Expression& expression, const Context& context, Memo* memo);
  Node* evaluate_reference(const Expression& expression, const Context& context, Memo* memo);
  Node* evaluate_resolver(const Expression& expression, const Context& context, Memo* memo);
  std::string key_part(const Expression& part, const Context& context, Memo* memo);
  Selected select_impl(Node& container, std::string_view key, bool throw_on_missing, Memo* memo);
  Node* select_one(Node& container, const std::string& segment, bool throw_on_missing);
  NodePtr copy_value(Node& node);

  std::vector<NodePtr> kept_;
  int depth_ = 0;
  std::size_t steps_ = 0;
  std::size_t copied_ = 0;
};

}  // namespace frugal::config
