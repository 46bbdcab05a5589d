// EXPECT_ERROR(call, kind, code): the call throws frugal::Error of this kind and code. EXPECT_ERROR_AT also wants
// `where` to contain a text.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

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
