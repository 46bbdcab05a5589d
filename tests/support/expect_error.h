// EXPECT_ERROR(call, kind, code): the call throws frugal::Error of this kind and code. EXPECT_ERROR_AT also wants
// `where` to contain a text. code_of(call): the code alone, to compare with what else may be said.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "core/error.h"

namespace frugal::test {

// Of the Error that the call throws; "no error" where it throws none.
template <typename Call>
std::string code_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.code();
  }
  return "no error";
}

}  // namespace frugal::test

#define EXPECT_ERROR_AT(call, expected_kind, expected_code, where_part)               \
  do {                                                                                \
    try {                                                                             \
      static_cast<void>(call);                                                        \
      ADD_FAILURE() << "expected the error " << (expected_code) << ", none came";     \
    } catch (const frugal::Error& caught) {                                           \
      EXPECT_EQ(caught.kind(), expected_kind) << caught.what();                       \
      EXPECT_EQ(caught.code(), expected_code) << caught.what();                       \
      EXPECT_THAT(caught.where(), ::testing::HasSubstr(where_part)) << caught.what(); \
      EXPECT_FALSE(caught.message().empty());                                         \
    }                                                                                 \
  } while (false)
#define EXPECT_ERROR(call, kind, code) EXPECT_ERROR_AT(call, kind, code, "")
