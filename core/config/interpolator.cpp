#include "core/config/interpolator.h"

#include "core/config/compose.h"
#include "core/config/did_you_mean.h"
#include "core/config/errors.h"
#include "core/config/key_path.h"
#include "core/config/python.h"
#include "core/config/resolvers.h"

namespace frugal::config {

namespace {

constexpr int kMaxDepth = 150;
constexpr std::size_t kMaxSteps = 200'000;
constexpr std::size_t kMaxText = 16U << 20U;
constexpr std::size_t kMaxCopied = 200'000;

bool is_interpolation_error(const Error& error) {
  return error.code().starts_with("interpolation_") || error.code() == "unknown_resolver";
}

// Undoes a counter on every way out.
struct Depth {
  explicit Depth(int& counter) : counter_(counter) { ++counter_; }
  ~Depth() { --counter_; }
  Depth(const Depth&) = delete;
  Depth& operator=(const Depth&) = delete;

 private:
  int& counter_;
};

}  // namespace

Node* Interpolator::keep(NodePtr value, Node* parent) {
  value->parent = parent;
  kept_.push_back(std::move(value));
  return kept_.back().get();
}

Node* Interpolator::dereference(Node& node) {
  return resolve_node(node, nullptr);
}

Node* Interpolator::try_dereference(Node& node) {
  try {
    return resolve_node(node, nullptr);
  } catch (const Error&) {
    return nullptr;
  }
}

Node* Interpolator::resolve_node(Node& node, Memo* memo) {
  if (!node.is_interpolation()) return &node;
  if (node.parent == nullptr) fail("interpolation_resolution", "an interpolation needs a config around it", node.mark);
  if (depth_ >= kMaxDepth) fail("interpolation_cycle", "interpolations refer to each other without end", node.mark);
  if (++steps_ > kMaxSteps) fail("interpolation_resolution", "interpolations expand beyond the limit", node.mark);
  const Depth depth(depth_);
  Memo own;
  std::shared_ptr<const Expression> expression;
  try {
    expression = parse_interpolation(node.text);
  } catch (const Error& error) {
    fail(error.code(), error.message(), node.mark);
  }
  try {
    auto* value = evaluate(*expression, {node.parent, &node}, memo ? memo : &own);
    // A made value is what the interpolation's place holds.
    if (!value->mark.known()) value->mark = node.mark;
    return value;
  } catch (const Error& error) {
    const auto code = is_interpolation_error(error) ? error.code() : "interpolation_resolution";
    throw Error(error.kind(), code, error.message(), error.where().empty() ? node.mark.text() : error.where(),
                error.hint());
  }
}

Node* Interpolator::evaluate_element(const std::string& text, Node& parent, Node& node) {
  const Depth depth(depth_);
  if (depth_ >= kMaxDepth) fail("interpolation_cycle", "interpolations refer to each other without end", node.mark);
  return evaluate(*parse_element(text), {&parent, &node}, nullptr);
}

Node* Interpolator::evaluate(const Expression& expression, const Context& context, Memo* memo) {
  switch (expression.kind) {
    case Expression::Kind::kValue:
      return keep(expression.value->copy());
    case Expression::Kind::kText:
    case Expression::Kind::kQuoted:
      return evaluate_text(expression, context, memo);
    case Expression::Kind::kNode:
      return evaluate_reference(expression, context, memo);
    case Expression::Kind::kResolver:
      return evaluate_resolver(expression, context, memo);
    case Expression::Kind::kList: {
      auto list = Node::list();
      for (const auto& argument : expression.arguments) list->append(evaluate(argument, context, memo)->copy());
      return keep(std::move(list));
    }
    case Expression::Kind::kDict: {
      auto dict = Node::dict();
      for (std::size_t i = 0; i < expression.keys.size(); ++i) {
        const auto& key = *expression.keys[i];
        dict->set(Key(key.kind, key.kind == NodeKind::kBool ? python::lower(python_text(key)) : python_text(key)),
                  evaluate(expression.arguments[i], context, memo)->copy());
      }
      return keep(std::move(dict));
    }
  }
  return nullptr;
}

Node* Interpolator::evaluate_text(const Expression& expression, const Context& context, Memo* memo) {
  const bool quoted = expression.kind == Expression::Kind::kQuoted;
  if (!quoted && expression.parts.size() == 1) return evaluate(expression.parts[0], context, memo);
  std::string text;
  for (const auto& part : expression.parts) {
    text += python_text(*evaluate(part, context, memo));
    if (text.size() > kMaxText) fail("interpolation_resolution", "interpolations expand beyond the limit");
  }
  return keep(Node::of(std::move(text)));
}

std::string Interpolator::key_part(const Expression& part, const Context& context, Memo* memo) {
  if (part.kind == Expression::Kind::kValue) return part.value->text;
  const auto* value = evaluate(part, context, memo);
  if (!value->is_string()) fail("interpolation_resolution", cat("a key must be text, found ", python_text(*value)));
  return value->text;
}

Node* Interpolator::evaluate_reference(const Expression& expression, const Context& context, Memo* memo) {
  std::string key;
  for (const auto& part : expression.parts) key += key_part(part, context, memo);
  Node* start = context.parent;
  std::string_view rest = key;
  if (!rest.starts_with('.')) {
    start = start->root();
  } else {
    for (rest.remove_prefix(1); rest.starts_with('.'); rest.remove_prefix(1)) {
      start = start->parent;
      if (start == nullptr) fail("interpolation_key_not_found", cat("'", key, "' leaves the config"));
    }
  }
  Selected selected;
  try {
    selected = select_impl(*start, rest, true, memo);
  } catch (const Error& error) {
    if (error.code() != "missing_value") throw;
    fail("interpolation_to_missing", cat("'", key, "' refers to a value that is not set yet"), error.where(),
         cat("set it: ", rest, "=VALUE"));
  }
  if (selected.value == nullptr) {
    std::vector<std::string> names;
    if (selected.parent)
      for (const auto& [name, value] : selected.parent->entries) names.push_back(name.text);
    const auto segments = split_key(rest);
    fail("interpolation_key_not_found", cat("there is no key '", rest, "'"), context.node->mark,
         did_you_mean(segments.back(), names));
  }
  for (const Node* above = context.parent; above != nullptr; above = above->parent)
    if (above == selected.value)
      fail("interpolation_cycle", cat("'", key, "' refers to a node that contains it"), context.node->mark);
  return selected.value;
}

Node* Interpolator::evaluate_resolver(const Expression& expression, const Context& context, Memo* memo) {
  std::string name;
  for (const auto& part : expression.parts) name += key_part(part, context, memo);
  std::vector<Node*> arguments;
  arguments.reserve(expression.arguments.size());
  for (const auto& argument : expression.arguments) arguments.push_back(evaluate(argument, context, memo));
  const auto resolver = find_resolver(name);
  if (resolver == nullptr)
    fail("unknown_resolver", cat("there is no resolver '", name, "'"), context.node->mark,
         did_you_mean(name, resolver_names()));
  return resolver({*this, *context.parent, *context.node, std::move(arguments)});
}

Node* Interpolator::select_one(Node& container, const std::string& segment, bool throw_on_missing) {
  Node* value = nullptr;
  if (container.is_dict()) {
    value = container.find(segment).get();
  } else if (container.is_list()) {
    const auto digits = python::parse_int(segment);
    if (!digits) fail("list_index", cat("a list is indexed by numbers, not '", segment, "'"));
    const auto index = Node::of_digits(*digits);
    if (!index->big && index->integer >= 0 && index->integer < static_cast<std::int64_t>(container.items.size()))
      value = container.items[static_cast<std::size_t>(index->integer)].get();
  }
  if (value != nullptr && value->is_missing() && throw_on_missing)
    fail("missing_value", cat("the value of '", value->full_key(), "' is not set yet"), value->mark,
         cat("set it: ", value->full_key(), "=VALUE"));
  return value;
}

Interpolator::Selected Interpolator::select_impl(Node& container, std::string_view key, bool throw_on_missing,
                                                 Memo* memo) {
  if (key.empty()) return {&container, &container};
  const auto segments = split_key(key);
  Node* at = &container;
  for (std::size_t i = 0; i + 1 < segments.size(); ++i) {
    auto* next = select_one(*at, segments[i], throw_on_missing);
    if (next == nullptr) return {};
    next = resolve_node(*next, memo);
    if (!next->is_container())
      fail("not_a_container",
           cat("'", segments[i], "' of '", key, "' holds a value, so it has no '", segments[i + 1], "'"), next->mark);
    at = next;
  }
  auto* value = select_one(*at, segments.back(), throw_on_missing);
  if (value == nullptr) return {at, nullptr};
  if (memo == nullptr) return {at, resolve_node(*value, nullptr)};
  if (!memo->insert(value).second) fail("interpolation_cycle", cat("'", key, "' refers to itself"), value->mark);
  try {
    auto* resolved = resolve_node(*value, memo);
    memo->erase(value);
    return {at, resolved};
  } catch (...) {
    memo->erase(value);
    throw;
  }
}

Interpolator::Selected Interpolator::select(Node& container, std::string_view key, bool throw_on_missing) {
  return select_impl(container, key, throw_on_missing, nullptr);
}

Node* Interpolator::select_value(Node& container, std::string_view key, bool throw_on_missing) {
  auto* value = select_node(container, key, throw_on_missing);
  return value == nullptr || value->is_missing() ? nullptr : value;
}

Node* Interpolator::select_node(Node& container, std::string_view key, bool throw_on_missing) {
  Node* start = &container;
  if (!key.starts_with('.')) {
    start = start->root();
  } else {
    for (key.remove_prefix(1); key.starts_with('.'); key.remove_prefix(1)) {
      start = start->parent;
      if (start == nullptr) fail("interpolation_resolution", "the key leaves the config");
    }
  }
  try {
    return select_impl(*start, key, throw_on_missing, nullptr).value;
  } catch (const Error& error) {
    if (error.code() == "not_a_container") return nullptr;
    throw;
  }
}

NodePtr Interpolator::copy_value(Node& node) {
  if (++copied_ > kMaxCopied) fail("interpolation_resolution", "interpolations expand beyond the limit", node.mark);
  if (!node.is_container()) {
    auto copy = node.copy();
    copy->slot = SlotType::kAny;
    return copy;
  }
  if (depth_ >= kMaxDepth) fail("interpolation_cycle", "interpolations refer to each other without end", node.mark);
  const Depth depth(depth_);
  auto copy = node.is_list() ? Node::list(node.mark) : Node::dict(node.mark);
  for (const auto& item : node.items) copy->append(copy_value(*resolve_node(*item, nullptr)));
  for (const auto& [key, value] : node.entries) copy->set(key, copy_value(*resolve_node(*value, nullptr)));
  return copy;
}

NodePtr Interpolator::resolved_copy(Node& node) {
  return copy_of(*resolve_node(node, nullptr));
}

NodePtr Interpolator::copy_of(Node& resolved) {
  copied_ = 0;
  return copy_value(resolved);
}

NodePtr select(const NodePtr& root, std::string_view dotted_key) {
  Interpolator interpolator;
  if (dotted_key.starts_with('.')) dotted_key.remove_prefix(1);  // relative to the root is the same
  if (dotted_key.starts_with('.')) return nullptr;
  try {
    const auto selected = interpolator.select(*root, dotted_key, true);
    // A resolver may lead to `???`, which is no value either.
    if (selected.value == nullptr || selected.value->is_missing()) return nullptr;
    return interpolator.copy_of(*selected.value);
  } catch (const Error& error) {
    if (error.code() == "not_a_container") return nullptr;
    if (error.code() == "list_index") fail("interpolation_resolution", error.message(), error.where());
    throw;
  }
}

NodePtr resolve(const NodePtr& node) {
  return Interpolator().resolved_copy(*node);
}

void require_no_missing(const Node& node) {
  if (node.is_missing())
    fail("missing_value", cat("the value of '", node.full_key(), "' is not set yet"), node.mark,
         cat("set it: ", node.full_key(), "=VALUE"));
  for (const auto& item : node.items) require_no_missing(*item);
  for (const auto& [key, value] : node.entries) require_no_missing(*value);
}

}  // namespace frugal::config
