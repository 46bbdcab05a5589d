#include "datasets/tokenizers/json_file.h"

#include "core/error.h"
#include "core/io/json_strings.h"
#include "core/io/mapped_file.h"
#include "core/io/utf8.h"

namespace frugal::tokenizers {

using Json = nlohmann::json;

Json read_json(const std::filesystem::path& path, std::size_t max_bytes, const char* code, const JsonVisitor& visitor,
               JsonRoot root) {
  const auto file = io::MappedFile::open(path);
  const std::string_view text{reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
  const auto fail = [&](const std::string& message, const std::string& where) {
    throw Error(ErrorKind::kBadData, code, message, where);
  };
  if (text.size() > max_bytes)
    fail(cat("the file has ", text.size(), " bytes; the limit is ", max_bytes), path.string());
  if (const auto at = io::first_long_string(text))
    fail(cat("a text that does not end within ", io::kMaxJsonString, " bytes"), cat(path.string(), ": byte ", *at));
  std::size_t nodes = 0;
  const auto visit = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > kMaxJsonDepth) fail(cat("nested deeper than ", kMaxJsonDepth, " levels"), path.string());
    if (visitor && !visitor(depth, event, value)) return false;
    const bool starts = event != Json::parse_event_t::object_end && event != Json::parse_event_t::array_end &&
                        value.type() != Json::value_t::discarded;
    if (starts && ++nodes > kMaxJsonNodes) fail(cat("more than ", kMaxJsonNodes, " values"), path.string());
    return true;
  };
  try {
    auto tree = Json::parse(text, visit);
    if (root == JsonRoot::kObject ? !tree.is_object() : !tree.is_array())
      fail(cat("expected a JSON ", root == JsonRoot::kObject ? "object" : "array"), path.string());
    return tree;
  } catch (const Json::parse_error& error) {
    const std::string what = error.what();  // "[json.exception.parse_error.101] parse error at line ...: ..."
    const auto colon = what.find(": ");
    fail(cat("not valid JSON: ", io::printable(colon == std::string::npos ? what : what.substr(colon + 2))),
         cat(path.string(), ": byte ", error.byte == 0 ? 0 : error.byte - 1));
  } catch (const Json::exception& error) {
    fail(cat("not valid JSON: ", io::printable(error.what())), path.string());
  }
  return {};
}

}  // namespace frugal::tokenizers
