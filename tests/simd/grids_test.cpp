// The grids of IQ1, IQ2 and IQ3: CRC-32 of the tables as ggml has them (ggml-common.h).
#include <gtest/gtest.h>

#include <cstring>

#include "grids.h"
#include "reference.h"

namespace {

using namespace coterie;

template <class Grid>
uint32_t crc(const Grid& grid) {
  return reference::crc32(grid.point, sizeof grid.point);
}

TEST(Grids, AreThoseOfTheFormats) {
  EXPECT_EQ(crc(kGridIQ2_XXS), 0x9924ff02);
  EXPECT_EQ(crc(kGridIQ2_XS), 0xfa1e1bfd);
  EXPECT_EQ(crc(kGridIQ2_S), 0x25ae5bf1);
  EXPECT_EQ(crc(kGridIQ3_XXS), 0x07ba9ed0);
  EXPECT_EQ(crc(kGridIQ3_S), 0xf576e4f3);
  int8_t weights[sizeof kGridIQ1.point];
  std::memcpy(weights, kGridIQ1.point, sizeof weights);
  for (int8_t& w : weights) w = static_cast<int8_t>(w / 8 - 1);
  EXPECT_EQ(reference::crc32(weights, sizeof weights), 0xb85e6ccf);
}

}  // namespace
