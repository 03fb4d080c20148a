#include "kv/kv_cache.h"

#include <gtest/gtest.h>

#include <functional>

namespace coterie {
namespace {

constexpr size_t kContext = 2 * kKvBlock - 1;

// visit(row, bytes, number) for every row of every layer, keys before values before the indexer's.
void for_rows(const KvCache& cache, const KvShape& s, const std::function<void(std::byte*, size_t, uint32_t)>& visit) {
  uint32_t number = 0;
  for (size_t il = 0; il < s.n_layer; ++il) {
    const KvRows rows = cache.layer(il);
    for (size_t h = 0; h < s.n_head_kv; ++h) {
      for (size_t pos = 0; pos < kContext; ++pos) {
        visit(rows.keys.at(h, pos), row_bytes(rows.type, s.key_dim), ++number);
        if (s.value_dim != 0) visit(rows.values.at(h, pos), row_bytes(rows.type, s.value_dim), ++number);
      }
    }
    if (s.index_dim == 0) continue;
    for (size_t pos = 0; pos < kContext; ++pos)
      visit(cache.index(il).keys.at(0, pos), row_bytes(TensorType::F16, s.index_dim), ++number);
  }
}

// Byte i of a row: no two rows of a cache here have all of theirs in common.
std::byte mark(uint32_t row, size_t i) { return static_cast<std::byte>(row >> (i % 4 * 8)); }

// No row shares a byte with another, and together they take what the cache says it takes.
TEST(KvCache, RowsLieApart) {
  for (const TensorType type : {TensorType::F32, TensorType::F16, TensorType::Q8_0}) {
    for (const KvShape& s : {KvShape{2, 3, 64, 32, 0, 32}, KvShape{3, 1, 96, 0, 0, 32}, KvShape{2, 1, 96, 0, 24, 32}}) {
      KvCache cache;
      ASSERT_TRUE(KvCache::create(s, type, kContext, &cache).ok());
      size_t bytes = 0;
      for_rows(cache, s, [&](std::byte* row, size_t n, uint32_t number) {
        for (size_t i = 0; i < n; ++i) row[i] = mark(number, i);
        bytes += n;
      });
      EXPECT_EQ(bytes, cache.bytes_per_token() * kContext);
      for_rows(cache, s, [&](const std::byte* row, size_t n, uint32_t number) {
        for (size_t i = 0; i < n; ++i) ASSERT_EQ(row[i], mark(number, i));
      });
    }
  }
}

TEST(KvCache, RowsOfOneHeadFollowEachOtherInABlock) {
  KvCache cache;
  ASSERT_TRUE(KvCache::create({1, 4, 128, 64, 0, 64}, TensorType::F16, kContext, &cache).ok());
  const KvRows rows = cache.layer(0);
  EXPECT_EQ(rows.keys.at(3, kKvBlock + 5) + 256, rows.keys.at(3, kKvBlock + 6));
  EXPECT_EQ(rows.values.at(3, 8) + 128, rows.values.at(3, 9));
}

TEST(KvCache, ValuesOfALatentRowAreItsPrefix) {
  KvCache cache;
  ASSERT_TRUE(KvCache::create({2, 1, 576, 0, 0, 64}, TensorType::Q8_0, kContext, &cache).ok());
  EXPECT_EQ(cache.layer(1).keys.at(0, 3), cache.layer(1).values.at(0, 3));
}

TEST(KvCache, RefusesWhatDoesNotFit) {
  KvCache cache;
  EXPECT_EQ(KvCache::create({1, 1, 48, 48, 0, 48}, TensorType::Q8_0, kContext, &cache).code(), Code::kInvalidArgument);
  EXPECT_EQ(KvCache::create({1, 1, 64, 64, 0, 64}, TensorType::Q4_K, kContext, &cache).code(), Code::kInvalidArgument);
  EXPECT_EQ(KvCache::create({1, 1, 64, 64, 0, 64}, TensorType::F32, SIZE_MAX / 8, &cache).code(), Code::kOutOfMemory);
}

}  // namespace
}  // namespace coterie
