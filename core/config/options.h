// Declared options of a component: one table a struct, from which reading, checking, help, docs and completion come.
//
//   struct LoraOptions { int64_t rank = 8; double alpha = 16; };
//   const OptionTable<LoraOptions>& lora_options() {
//     static const auto table = OptionTable<LoraOptions>("LoRA")
//         .add("rank", &LoraOptions::rank, {.help = "rank of the update", .min = 1})
//         .add("alpha", &LoraOptions::alpha, {.help = "scale, update is alpha/rank * B A"});
//     return table;
//   }
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace frugal {

using Json = nlohmann::ordered_json;

// Says where the value of a dotted key came from ("configs/a.yaml:3:5", "override 'a.b=1'"); may answer "".
using Locator = std::function<std::string(std::string_view dotted_key)>;

// What is known of an option beside its type and default.
struct OptionSpec {
  std::string help;
  std::string unit = {};
  std::optional<double> min = {};  // inclusive
  std::optional<double> max = {};  // inclusive
  std::vector<std::string> choices = {};
};

struct OptionInfo {
  std::string name;  // dotted below the component's node
  std::string type;  // bool, int, float, text, list of int, ..., "or null" appended where null is allowed
  Json default_value;
  OptionSpec spec;
};

namespace options_detail {

// Each throws Error(kUsage, "bad_value") that names the key, what was expected, and the place.
void assign(const Json& value, bool& out, const OptionInfo& info, const std::string& where);
void assign(const Json& value, int64_t& out, const OptionInfo& info, const std::string& where);
void assign(const Json& value, double& out, const OptionInfo& info, const std::string& where);
void assign(const Json& value, std::string& out, const OptionInfo& info, const std::string& where);
void assign(const Json& value, Json& out, const OptionInfo& info, const std::string& where);
template <typename T>
void assign(const Json& value, std::vector<T>& out, const OptionInfo& info, const std::string& where);
template <typename T>
void assign(const Json& value, std::optional<T>& out, const OptionInfo& info, const std::string& where);

std::string type_name(const bool&);
std::string type_name(const int64_t&);
std::string type_name(const double&);
std::string type_name(const std::string&);
std::string type_name(const Json&);
template <typename T>
std::string type_name(const std::vector<T>&);
template <typename T>
std::string type_name(const std::optional<T>&);

template <typename T>
Json to_json(const T& value) {
  return Json(value);
}
template <typename T>
Json to_json(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

[[noreturn]] void fail_not_list(const OptionInfo& info, const Json& value, const std::string& where);

// Throws Error(kUsage, "unknown_key") for the first leaf of `node` that no option declares, with the nearest name.
void check_unknown(const Json& node, std::string_view path, const std::vector<OptionInfo>& known,
                   const std::vector<std::string>& also_allowed, const Locator& where);
const Json* find(const Json& node, std::string_view dotted);

}  // namespace options_detail

// The key of `known` closest to `key` by edit distance, or "" when none is near.
std::string nearest_name(std::string_view key, const std::vector<std::string>& known);

template <typename Struct>
class OptionTable {
 public:
  explicit OptionTable(std::string title) : title_(std::move(title)) {}

  template <typename Member>
  OptionTable& add(std::string name, Member Struct::* member, OptionSpec spec) {
    const Struct defaults{};
    OptionInfo info{std::move(name), options_detail::type_name(defaults.*member),
                    options_detail::to_json(defaults.*member), std::move(spec)};
    readers_.push_back([member, info](const Json& value, Struct& out, const std::string& where) {
      options_detail::assign(value, out.*member, info, where);
    });
    infos_.push_back(std::move(info));
    return *this;
  }
  // A key that the node may carry and this component does not read (e.g. "name", which chose it).
  OptionTable& allow(std::string name) {
    also_allowed_.push_back(std::move(name));
    return *this;
  }

  // node: the component's part of the resolved config (an object or null); path: its dotted place, e.g. "method".
  // Unknown keys, wrong types and values out of range throw frugal::Error(kUsage) naming the place of the value.
  Struct read(const Json& node, std::string_view path, const Locator& where = {}) const {
    options_detail::check_unknown(node, path, infos_, also_allowed_, where);
    Struct out{};
    for (size_t i = 0; i < infos_.size(); ++i)
      if (const Json* value = options_detail::find(node, infos_[i].name)) {
        const std::string key = std::string(path) + "." + infos_[i].name;
        readers_[i](*value, out, where ? where(key) : std::string());
      }
    return out;
  }

  const std::string& title() const { return title_; }
  const std::vector<OptionInfo>& infos() const { return infos_; }

 private:
  std::string title_;
  std::vector<OptionInfo> infos_;
  std::vector<std::string> also_allowed_ = {"name"};
  std::vector<std::function<void(const Json&, Struct&, const std::string&)>> readers_;
};

namespace options_detail {

template <typename T>
void assign(const Json& value, std::vector<T>& out, const OptionInfo& info, const std::string& where) {
  if (!value.is_array()) fail_not_list(info, value, where);
  out.clear();
  for (const Json& item : value) {
    T element{};
    assign(item, element, info, where);
    out.push_back(std::move(element));
  }
}

template <typename T>
void assign(const Json& value, std::optional<T>& out, const OptionInfo& info, const std::string& where) {
  if (value.is_null()) {
    out.reset();
    return;
  }
  T inner{};
  assign(value, inner, info, where);
  out = std::move(inner);
}

template <typename T>
std::string type_name(const std::vector<T>&) {
  return "list of " + type_name(T{});
}
template <typename T>
std::string type_name(const std::optional<T>&) {
  return type_name(T{}) + " or null";
}

}  // namespace options_detail

}  // namespace frugal
