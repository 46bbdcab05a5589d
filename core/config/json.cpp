#include "core/config/json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/config/compose.h"
#include "core/config/python.h"

namespace frugal::config {

namespace {

std::string json_float(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return python::float_repr(value);
}

void write(const Node& node, std::string& out) {
  switch (node.kind) {
    case NodeKind::kNull: out += "null"; return;
    case NodeKind::kBool: out += node.boolean ? "true" : "false"; return;
    case NodeKind::kInt: out += python_text(node); return;
    case NodeKind::kFloat: out += json_float(node.real); return;
    case NodeKind::kString:
    case NodeKind::kBytes: out += json_string(node.text); return;
    case NodeKind::kList: {
      out += '[';
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        if (i > 0) out += ", ";
        write(*node.items[i], out);
      }
      out += ']';
      return;
    }
    case NodeKind::kDict: {
      out += '{';
      bool first = true;
      for (const auto& [key, value] : node.entries) {
        if (!first) out += ", ";
        first = false;
        out += json_string(key.text) + ": ";
        write(*value, out);
      }
      out += '}';
      return;
    }
  }
}

}  // namespace

std::string json_string(std::string_view text) {
  // Bytes that are no UTF-8 (possible in arguments) become U+FFFD.
  return nlohmann::json(std::string(text)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string json_text(const Node& node) {
  std::string out;
  write(node, out);
  return out;
}

nlohmann::ordered_json to_json(const Node& node) {
  switch (node.kind) {
    case NodeKind::kNull: return nullptr;
    case NodeKind::kBool: return node.boolean;
    case NodeKind::kInt: return node.big ? nlohmann::ordered_json(node.text) : nlohmann::ordered_json(node.integer);
    case NodeKind::kFloat: return node.real;
    case NodeKind::kString:
    case NodeKind::kBytes: return node.text;
    case NodeKind::kList: {
      auto out = nlohmann::ordered_json::array();
      for (const auto& item : node.items) out.push_back(to_json(*item));
      return out;
    }
    default: {
      auto out = nlohmann::ordered_json::object();
      for (const auto& [key, value] : node.entries) out[key.text] = to_json(*value);
      return out;
    }
  }
}

}  // namespace frugal::config
