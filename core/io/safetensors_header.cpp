#include "core/io/safetensors_header.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/io/json_strings.h"
#include "core/io/utf8.h"

namespace frugal::io::detail {

namespace {

using Json = nlohmann::json;

// Receives the header token by token, so that a hostile one never becomes a tree in memory. The grammar is small:
//   {"__metadata__": {text: text...}, NAME: {"dtype": text, "shape": [n...], "data_offsets": [n, n]}...}
class HeaderHandler final : public nlohmann::json_sax<Json> {
 public:
  explicit HeaderHandler(std::string file) : file_(std::move(file)) {}

  Header take() { return std::move(header_); }

  bool null() override { return unexpected("null"); }
  bool boolean(bool /*value*/) override { return unexpected("a boolean"); }
  bool number_integer(number_integer_t value) override {
    return unexpected(cat("the negative number ", value));  // the parser calls this for negative ones only
  }
  bool number_unsigned(number_unsigned_t value) override;
  bool number_float(number_float_t /*value*/, const string_t& text) override {
    return unexpected(cat("the number ", printable(text, 64)));
  }
  bool string(string_t& value) override;
  bool binary(binary_t& /*value*/) override { return unexpected("binary data"); }
  bool start_object(std::size_t /*size*/) override;
  bool key(string_t& name) override;
  bool end_object() override;
  bool start_array(std::size_t /*size*/) override;
  bool end_array() override;
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& error) override {
    const std::string text = error.what();  // "[json.exception.parse_error.101] parse error at ...: syntax error ..."
    const auto colon = text.find(": ");
    throw Error(
        ErrorKind::kBadData, "safetensors_header",
        cat("the header is not valid JSON: ", printable(colon == std::string::npos ? text : text.substr(colon + 2))),
        cat(file_, ": byte ", 8 + (position == 0 ? 0 : position - 1)));
  }

 private:
  enum class State { kStart, kTop, kMetadata, kTensor, kDType, kShape, kOffsets, kShapeStart, kOffsetsStart, kEnd };

  [[noreturn]] void fail(const char* code, const std::string& message) const {
    throw Error(ErrorKind::kBadData, code, message,
                current_.empty() ? file_ : cat(file_, ": tensor '", printable(current_), "'"));
  }
  bool unexpected(const std::string& found) const {
    fail("safetensors_header", cat("expected ", expected(), ", found ", found));
  }
  const char* expected() const;
  bool enter_entry(const std::string& name);
  void finish_tensor();

  std::string file_, current_, metadata_key_;
  State state_ = State::kStart;
  Header header_;
  HeaderTensor tensor_;
  std::vector<std::uint64_t> offsets_;
  bool has_dtype_ = false, has_shape_ = false, has_offsets_ = false, has_metadata_ = false;
};

const char* HeaderHandler::expected() const {
  switch (state_) {
    case State::kStart:
      return "an object of tensors";
    case State::kTop:
      return "an object with dtype, shape and data_offsets";
    case State::kMetadata:
      return "a text value in __metadata__";
    case State::kTensor:
      return "one of the keys dtype, shape, data_offsets";
    case State::kDType:
      return "the dtype as text";
    case State::kShape:
    case State::kShapeStart:
      return "the shape as a list of whole numbers >= 0";
    case State::kOffsets:
    case State::kOffsetsStart:
      return "data_offsets as a list of two whole numbers >= 0";
    case State::kEnd:
      return "the end of the header";
  }
  return "";
}

bool HeaderHandler::number_unsigned(number_unsigned_t value) {
  if (state_ == State::kOffsets) {
    if (offsets_.size() == 2) return unexpected("a third number");
    offsets_.push_back(value);
    return true;
  }
  if (state_ != State::kShape) return unexpected(cat("the number ", value));
  if (value > static_cast<std::uint64_t>(INT64_MAX))
    fail("safetensors_shape", cat("the dimension ", value, " is above 2^63 - 1"));
  if (tensor_.shape.size() == SafetensorsLimits::kRank)
    fail("safetensors_limit", cat("more than ", SafetensorsLimits::kRank, " dimensions"));
  tensor_.shape.push_back(static_cast<std::int64_t>(value));
  return true;
}

bool HeaderHandler::string(string_t& value) {
  if (state_ == State::kMetadata) {
    header_.metadata[metadata_key_] = std::move(value);
    return true;
  }
  if (state_ != State::kDType) return unexpected("a text");
  const auto dtype = dtype_from_name(value);
  if (!dtype) fail("safetensors_dtype", cat("unknown dtype '", printable(value, 64), "'"));
  tensor_.dtype = *dtype;
  has_dtype_ = true;
  state_ = State::kTensor;
  return true;
}

bool HeaderHandler::start_object(std::size_t /*size*/) {
  if (state_ == State::kStart) {
    state_ = State::kTop;
    return true;
  }
  if (state_ != State::kTop) return unexpected("an object");
  if (current_ == "__metadata__") {
    state_ = State::kMetadata;
    return true;
  }
  tensor_ = {};
  offsets_.clear();
  has_dtype_ = has_shape_ = has_offsets_ = false;
  state_ = State::kTensor;
  return true;
}

bool HeaderHandler::enter_entry(const std::string& name) {
  current_.clear();
  if (name.size() > SafetensorsLimits::kNameBytes)
    fail("safetensors_limit",
         cat("a tensor name of ", name.size(), " bytes; the limit is ", SafetensorsLimits::kNameBytes));
  if (header_.tensors.size() == SafetensorsLimits::kTensors)
    fail("safetensors_limit", cat("more than ", SafetensorsLimits::kTensors, " tensors"));
  current_ = name;
  if (name == "__metadata__" && std::exchange(has_metadata_, true)) fail("safetensors_duplicate", "appears twice");
  return true;
}

bool HeaderHandler::key(string_t& name) {
  if (state_ == State::kTop) return enter_entry(name);
  if (state_ == State::kMetadata) {
    if (header_.metadata.contains(name))
      fail("safetensors_duplicate", cat("the key '", printable(name), "' appears twice"));
    if (header_.metadata.size() == SafetensorsLimits::kMetadata)
      fail("safetensors_limit", cat("more than ", SafetensorsLimits::kMetadata, " entries"));
    metadata_key_ = name;
    return true;
  }
  const auto expect_once = [&](bool seen, State next) {
    if (seen) fail("safetensors_duplicate", cat("the key '", printable(name), "' appears twice"));
    state_ = next;
    return true;
  };
  if (name == "dtype") return expect_once(has_dtype_, State::kDType);
  if (name == "shape") return expect_once(has_shape_, State::kShapeStart);
  if (name == "data_offsets") return expect_once(has_offsets_, State::kOffsetsStart);
  return unexpected(cat("the key '", printable(name, 64), "'"));
}

void HeaderHandler::finish_tensor() {
  if (!has_dtype_ || !has_shape_ || !has_offsets_)
    fail("safetensors_header",
         cat("the key '", !has_dtype_ ? "dtype" : (!has_shape_ ? "shape" : "data_offsets"), "' is missing"));
  tensor_.name = current_;
  header_.tensors.push_back(std::move(tensor_));
}

bool HeaderHandler::end_object() {
  if (state_ == State::kTensor) finish_tensor();
  state_ = state_ == State::kTop ? State::kEnd : State::kTop;
  current_.clear();
  return true;
}

bool HeaderHandler::start_array(std::size_t /*size*/) {
  if (state_ == State::kShapeStart) {
    state_ = State::kShape;
  } else if (state_ == State::kOffsetsStart) {
    state_ = State::kOffsets;
  } else {
    return unexpected("a list");
  }
  return true;
}

bool HeaderHandler::end_array() {
  if (state_ == State::kOffsets) {
    if (offsets_.size() != 2) return unexpected(cat(offsets_.size(), " numbers"));
    tensor_.begin = offsets_[0];
    tensor_.end = offsets_[1];
    has_offsets_ = true;
  } else {
    has_shape_ = true;
  }
  state_ = State::kTensor;
  return true;
}

}  // namespace

Header parse_header(std::string_view text, const std::string& file) {
  if (!text.starts_with('{'))
    throw Error(ErrorKind::kBadData, "safetensors_header", "the header must start with '{'", cat(file, ": byte 8"));
  if (const auto at = first_long_string(text))
    throw Error(ErrorKind::kBadData, "safetensors_header",
                cat("a text that does not end within ", kMaxJsonString, " bytes"), cat(file, ": byte ", 8 + *at));
  HeaderHandler handler(file);
  Json::sax_parse(text, &handler);
  return handler.take();
}

}  // namespace frugal::io::detail
