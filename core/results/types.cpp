#include "core/results/types.h"

#include <array>

#include "core/error.h"

namespace frugal::results {
namespace {

constexpr std::array<std::string_view, 6> kStates = {"created", "running",     "done",
                                                     "failed",  "interrupted", "recovered"};

}  // namespace

std::string_view name(RunState state) {
  return kStates.at(static_cast<std::size_t>(state));
}

RunState parse_run_state(std::string_view text) {
  for (std::size_t i = 0; i < kStates.size(); ++i)
    if (kStates[i] == text) return static_cast<RunState>(i);
  throw Error(ErrorKind::kBadData, "unknown_state", cat("no run state is called '", text, "'"));
}

std::string_view name(Direction direction) {
  constexpr std::array<std::string_view, 3> kNames = {"", "higher", "lower"};
  return kNames.at(static_cast<std::size_t>(direction));
}

std::size_t size_of(DType dtype) {
  constexpr std::array<std::size_t, 8> kSizes = {8, 4, 8, 4, 2, 1, 1, 1};
  return kSizes.at(static_cast<std::size_t>(dtype));
}

std::string_view name(DType dtype) {
  constexpr std::array<std::string_view, 8> kNames = {"float64", "float32", "int64", "int32",
                                                      "int16",   "int8",    "uint8", "bool"};
  return kNames.at(static_cast<std::size_t>(dtype));
}

}  // namespace frugal::results
