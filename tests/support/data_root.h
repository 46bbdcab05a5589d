// Where the tests find public data sets: FRUGAL_DATA_ROOT, else ../shared/data beside the source folder. Tests that
// need it skip with a message when it is absent.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace frugal::test {

inline std::filesystem::path data_root() {
  if (const char* root = std::getenv("FRUGAL_DATA_ROOT")) return root;
  return std::filesystem::path(FRUGAL_SOURCE_DIR) / ".." / "shared" / "data";
}

}  // namespace frugal::test

#define FRUGAL_NEEDS_DATA(part)                                     \
  if (!std::filesystem::exists(frugal::test::data_root() / (part))) \
  GTEST_SKIP() << "no " << (frugal::test::data_root() / (part)) << ": set FRUGAL_DATA_ROOT"
