// Typed access to one JSON object of a stranger's file. Internal to multiple_choice.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/io/utf8.h"
#include "datasets/table_file.h"

namespace frugal::datasets {

// `fail` throws with the place of the row. The object must outlive this.
class Row {
 public:
  using Fail = std::function<void(const std::string& message)>;

  Row(const nlohmann::json& object, Fail fail) : object_(object), fail_(std::move(fail)) {
    if (!object.is_object()) stop("expected a JSON object");
  }

  std::string text(const std::string& key) const { return as_text(at(key), key); }
  std::vector<std::string> texts(const std::string& key) const {
    std::vector<std::string> all;
    for (const auto& item : list(key)) all.push_back(as_text(item, key));
    return all;
  }
  Row object(const std::string& key) const { return {at(key), fail_}; }
  std::vector<Row> objects(const std::string& key) const {
    std::vector<Row> all;
    for (const auto& item : list(key)) all.emplace_back(item, fail_);
    return all;
  }
  const nlohmann::json& at(const std::string& key) const {
    const auto found = object_.find(key);
    if (found == object_.end()) stop(cat("the key '", io::printable(key), "' is missing"));
    return *found;
  }
  bool has(const std::string& key) const { return object_.contains(key); }
  // An index into `count` choices, written as a number or as its digits, counted from `first`.
  std::size_t index(const std::string& key, std::int64_t first, std::size_t count) const {
    const nlohmann::json& value = at(key);
    const auto number = value.is_string()           ? parse_index(value.get_ref<const std::string&>())
                        : value.is_number_integer() ? std::optional(value.get<std::int64_t>())
                                                    : std::nullopt;
    if (!number || *number < first || *number - first >= static_cast<std::int64_t>(count))
      stop(cat("'", key, "' must be ", first, " to ", first + static_cast<std::int64_t>(count) - 1, ", found ",
               io::printable(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace))));
    return static_cast<std::size_t>(*number - first);
  }
  [[noreturn]] void stop(const std::string& message) const {
    fail_(message);
    throw Error(ErrorKind::kBadData, "dataset_row", message);
  }

 private:
  const nlohmann::json& list(const std::string& key) const {
    const nlohmann::json& value = at(key);
    if (!value.is_array()) stop(cat("'", key, "' is not a list"));
    return value;
  }
  std::string as_text(const nlohmann::json& value, const std::string& key) const {
    if (!value.is_string()) stop(cat("'", key, "' is not text"));
    return value.get<std::string>();
  }

  const nlohmann::json& object_;
  Fail fail_;
};

}  // namespace frugal::datasets
