// EXPECT_OK(status), ASSERT_OK(status) and EXPECT_ERROR(status, code, {words that the message must contain}).
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string_view>

#include "base/status.h"

#define EXPECT_OK(expression) EXPECT_TRUE(::coterie::test::is_ok(expression))
#define ASSERT_OK(expression) ASSERT_TRUE(::coterie::test::is_ok(expression))
#define EXPECT_ERROR(expression, ...) EXPECT_TRUE(::coterie::test::is_error(expression, __VA_ARGS__))

namespace coterie::test {

inline testing::AssertionResult is_ok(const Status& status) {
  if (status.ok()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << code_name(status.code()) << ": " << status.message();
}

inline testing::AssertionResult is_error(const Status& status, Code code,
                                         std::initializer_list<std::string_view> words) {
  if (status.code() != code) {
    return testing::AssertionFailure() << "found " << code_name(status.code()) << " (" << status.message()
                                       << "), expected " << code_name(code);
  }
  for (const std::string_view word : words) {
    if (status.message().find(word) != std::string::npos) continue;
    return testing::AssertionFailure() << "no \"" << word << "\" in: " << status.message();
  }
  return testing::AssertionSuccess();
}

}  // namespace coterie::test
