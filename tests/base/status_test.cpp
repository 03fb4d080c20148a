#include "base/status.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "base/expect_status.h"
#include "base/log.h"
#include "coterie/coterie.h"

namespace coterie {
namespace {

TEST(Status, DefaultIsOk) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.code(), Code::kOk);
  EXPECT_EQ(status.message(), "");
}

TEST(Status, ErrorFormats) {
  const Status status = Error(Code::kBadFile, "%s: found %d, expected %u", "blk.7", -1, 64u);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), Code::kBadFile);
  EXPECT_EQ(status.message(), "blk.7: found -1, expected 64");
}

TEST(Status, LongMessagesAreCut) {
  const std::string text(10000, 'x');
  const Status status = Error(Code::kInternal, "begin %s", text.c_str());
  EXPECT_TRUE(status.message().starts_with("begin xxx"));
  EXPECT_LT(status.message().size(), 1000u);
}

TEST(Status, ReturnIfErrorReturnsOnlyErrors) {
  std::vector<int> seen;
  const auto steps = [&](Status first) -> Status {
    COTERIE_RETURN_IF_ERROR(std::move(first));
    seen.push_back(1);
    return Error(Code::kCancelled, "end");
  };
  EXPECT_EQ(steps(Error(Code::kIo, "disk")).message(), "disk");
  EXPECT_TRUE(seen.empty());
  EXPECT_EQ(steps({}).code(), Code::kCancelled);
  EXPECT_EQ(seen.size(), 1u);
}

TEST(Status, CodesEqualTheAbi) {
  const std::pair<Code, coterie_status> kPairs[] = {
      {Code::kOk, COTERIE_OK},
      {Code::kCancelled, COTERIE_CANCELLED},
      {Code::kInvalidArgument, COTERIE_INVALID_ARGUMENT},
      {Code::kOutOfMemory, COTERIE_OUT_OF_MEMORY},
      {Code::kInternal, COTERIE_INTERNAL},
      {Code::kIo, COTERIE_IO},
      {Code::kBadFile, COTERIE_BAD_FILE},
      {Code::kUnsupported, COTERIE_UNSUPPORTED},
      {Code::kContextFull, COTERIE_CONTEXT_FULL},
  };
  for (const auto& [code, abi] : kPairs) {
    EXPECT_EQ(static_cast<int32_t>(code), static_cast<int32_t>(abi));
    EXPECT_STRNE(code_name(code), code_name(static_cast<Code>(-1))) << static_cast<int32_t>(code);
  }
  EXPECT_STREQ(code_name(static_cast<Code>(-1)), "unknown status");
}

struct Line {
  int32_t level;
  std::string text;
};

void keep(void* user, int32_t level, const char* line) {
  static_cast<std::vector<Line>*>(user)->push_back({level, line});
}

TEST(Log, WritesToItsSink) {
  std::vector<Line> lines;
  const Log log{keep, &lines};
  log.write(LogLevel::kWarning, "%d of %s", 3, "four");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].level, 2);
  EXPECT_EQ(lines[0].text, "3 of four");
}

TEST(Log, WithoutSinkIsSilent) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Log().write(LogLevel::kError, "nobody hears %d", 1);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace coterie
