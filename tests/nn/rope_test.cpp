#include "nn/rope.h"

#include "nn_testing.h"

namespace coterie::test {
namespace {

std::vector<float> table(const nn::RopeConfig& config, size_t pos) {
  const nn::Rope rope(config);
  std::vector<float> t(rope.table_row());
  rope.fill(t.data(), pos);
  return t;
}

TEST(Rope, PlainAngles) {
  const nn::RopeConfig c{.n_rot = 64, .freq_base = 10000};
  for (size_t pos : {0, 1, 17, 4095, 163839}) {
    const auto t = table(c, pos);
    for (size_t i = 0; i < 32; ++i) {
      const double angle = pos * std::pow(10000.0, -2.0 * i / 64);
      EXPECT_NEAR(t[2 * i], std::cos(angle), 1e-7) << pos << " " << i;
      EXPECT_NEAR(t[2 * i + 1], std::sin(angle), 1e-7) << pos << " " << i;
    }
  }
}

// DeepSeek-V3: base 10000, original context 4096, factor 40, beta 32 and 1. The ramp runs over the pairs 10 to 23; the
// frequencies are those of the model's published inference code.
TEST(Rope, YarnOfDeepseekV3) {
  const nn::RopeConfig c{.n_rot = 64, .freq_base = 10000, .freq_scale = 1.0f / 40, .yarn = true, .n_ctx_original = 4096};
  const auto t = table(c, 1);
  const std::pair<size_t, double> kFrequencies[] = {{0, 1}, {10, 0.0562341325}, {11, 0.0390069266}, {16, 0.0055},
                                                    {22, 1.77827941e-4}, {23, 3.33380358e-5}, {31, 3.33380358e-6}};
  for (auto [pair, frequency] : kFrequencies) EXPECT_NEAR(t[2 * pair + 1] / std::sin(frequency), 1, 1e-6) << pair;
}

TEST(Rope, FactorsDivideAndMagnitudeMultiplies) {
  const float factors[] = {1, 8};
  const auto t = table({.n_rot = 4, .freq_base = 100, .freq_scale = 0.5f, .freq_factors = factors, .magnitude = 1.5f}, 3);
  EXPECT_NEAR(t[0], 1.5 * std::cos(3 * 0.5), 1e-6);
  EXPECT_NEAR(t[3], 1.5 * std::sin(3 * 0.1 / 8 * 0.5), 1e-6);
}

TEST(Rope, RotatesAdjacentPairs) {
  float x[] = {1, 2, 3, 4, 5};
  const float angles[] = {0.6f, 0.8f, 0, 1};
  nn::rotate_adjacent(x, angles, 4);
  EXPECT_FLOAT_EQ(x[0], 1 * 0.6f - 2 * 0.8f);
  EXPECT_FLOAT_EQ(x[1], 1 * 0.8f + 2 * 0.6f);
  EXPECT_FLOAT_EQ(x[2], -4);
  EXPECT_FLOAT_EQ(x[3], 3);
  EXPECT_EQ(x[4], 5);
}

TEST(Rope, RotatesHalves) {
  float x[] = {1, 3, 2, 4, 5};
  const float angles[] = {0.6f, 0.8f, 0, 1};
  nn::rotate_half_split(x, angles, 4);
  EXPECT_FLOAT_EQ(x[0], 1 * 0.6f - 2 * 0.8f);
  EXPECT_FLOAT_EQ(x[2], 1 * 0.8f + 2 * 0.6f);
  EXPECT_FLOAT_EQ(x[1], -4);
  EXPECT_FLOAT_EQ(x[3], 3);
  EXPECT_EQ(x[4], 5);
}

}  // namespace
}  // namespace coterie::test
