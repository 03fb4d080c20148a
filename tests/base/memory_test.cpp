#include "base/memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "base/expect_status.h"

namespace coterie {
namespace {

TEST(Buffer, IsZeroAndAligned) {
  for (const size_t size : {size_t{1}, size_t{63}, size_t{4096}, size_t{5} << 20}) {
    Buffer buffer;
    ASSERT_OK(Buffer::allocate(size, "test", &buffer));
    EXPECT_EQ(buffer.size(), size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 64, 0u);
    EXPECT_TRUE(std::all_of(buffer.data(), buffer.data() + size, [](std::byte b) { return b == std::byte{0}; }));
    std::fill(buffer.data(), buffer.data() + size, std::byte{255});
  }
}

TEST(Buffer, NothingIsFine) {
  Buffer buffer;
  EXPECT_OK(Buffer::allocate(0, "test", &buffer));
  EXPECT_EQ(buffer.size(), 0u);
}

TEST(Buffer, AbsurdSizesAreAStatus) {
  for (const size_t size : {size_t{1} << 50, size_t{1} << 62, std::numeric_limits<size_t>::max()}) {
    Buffer buffer;
    EXPECT_ERROR(Buffer::allocate(size, "kv cache", &buffer), Code::kOutOfMemory,
                 {"kv cache", std::to_string(size)});
    EXPECT_EQ(buffer.data(), nullptr);
    EXPECT_EQ(buffer.size(), 0u);
  }
}

TEST(Buffer, UntouchedPagesCostNothing) {
  Buffer buffer;
  ASSERT_OK(Buffer::allocate(size_t{2} << 30, "test", &buffer));
  buffer.data()[size_t{1} << 30] = std::byte{1};
}

TEST(Buffer, Moves) {
  Buffer a, c;
  ASSERT_OK(Buffer::allocate(100, "test", &a));
  std::byte* data = a.data();
  Buffer b(std::move(a));
  EXPECT_EQ(b.data(), data);
  EXPECT_EQ(a.data(), nullptr);  // NOLINT: moved from, on purpose
  c = std::move(b);
  EXPECT_EQ(c.data(), data);
  EXPECT_EQ(c.size(), 100u);
}

TEST(Buffer, AllocatingAgainReplaces) {
  Buffer buffer;
  ASSERT_OK(Buffer::allocate(100, "test", &buffer));
  buffer.data()[0] = std::byte{1};
  ASSERT_OK(Buffer::allocate(200, "test", &buffer));
  EXPECT_EQ(buffer.size(), 200u);
  EXPECT_EQ(buffer.data()[0], std::byte{0});
}

TEST(Checked, SaysWhenItDoesNotFit) {
  size_t out = 0;
  EXPECT_TRUE(checked_mul(size_t{1} << 31, size_t{1} << 31, &out));
  EXPECT_EQ(out, size_t{1} << 62);
  EXPECT_FALSE(checked_mul(size_t{1} << 32, size_t{1} << 32, &out));
}

}  // namespace
}  // namespace coterie
