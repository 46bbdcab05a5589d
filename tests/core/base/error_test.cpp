#include "core/error.h"

#include <gtest/gtest.h>

#include "core/error_json.h"

namespace frugal {
namespace {

TEST(Error, KindDecidesExitCode) {
  EXPECT_EQ(exit_code(ErrorKind::kCheckFailed), 1);
  EXPECT_EQ(exit_code(ErrorKind::kUsage), 2);
  EXPECT_EQ(exit_code(ErrorKind::kBadData), 3);
  EXPECT_EQ(exit_code(ErrorKind::kEnvironment), 4);
  EXPECT_EQ(exit_code(ErrorKind::kRunFailed), 5);
}

TEST(Error, WhatNamesPlaceMessageCodeAndHint) {
  const Error error(ErrorKind::kUsage, "unknown_key", "no key 'sed'", "a.yaml:3:1", "did you mean 'seed'?");
  EXPECT_STREQ(error.what(), "a.yaml:3:1: no key 'sed' (unknown_key)\n  try: did you mean 'seed'?");
}

TEST(Error, IsTheSameBehindItsJson) {
  for (const ErrorKind kind : {ErrorKind::kCheckFailed, ErrorKind::kUsage, ErrorKind::kBadData, ErrorKind::kEnvironment,
                               ErrorKind::kRunFailed}) {
    const Error error(kind, "code", "message", "a.h5: where", "hint");
    const Error again = error_from_json(nlohmann::json::parse(error_json(error).dump()));
    EXPECT_EQ(again.kind(), kind);
    EXPECT_STREQ(again.what(), error.what());
  }
  EXPECT_EQ(error_from_json({{"kind", "of another version"}}).kind(), ErrorKind::kRunFailed);
}

}  // namespace
}  // namespace frugal
