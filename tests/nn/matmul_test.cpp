#include "nn/matmul.h"

#include <atomic>
#include <limits>

#include "nn/weights.h"
#include "nn_testing.h"

namespace coterie::test {
namespace {

class Matmul : public NnTest {};

TEST_F(Matmul, ProductsOfSeveralShapesAndRowMapsInOneRegion) {
  const size_t n_in = 96, n = 5;
  const auto x = random(n * n_in), w1 = random(33 * n_in), w2 = random(700 * n_in);
  nn::Activations in;
  carve([&](nn::Carver& c) { in.carve(c, n, n_in); });
  ASSERT_TRUE(in.fill(context(), x.data(), n, n_in, {float_matrix(w1, n_in, 33)}));
  std::vector<float> out1(n * 40, -1), out2(n * 700, -1);
  const int32_t picked[] = {4, 0, 2};
  ASSERT_TRUE(nn::matmul(context(), {{float_matrix(w1, n_in, 33), &in, 3, out1.data(), 40, {picked}, {nullptr, 1, 1}},
                                     {float_matrix(w2, n_in, 700), &in, n, out2.data(), 700}}));
  for (size_t i = 0; i < 3; ++i) {
    for (size_t r = 0; r < 33; ++r) {
      EXPECT_NEAR(out1[(i + 1) * 40 + r], dot(&w1[r * n_in], &x[picked[i] * n_in], n_in), 1e-4);
    }
  }
  EXPECT_EQ(out1[0], -1);        // rows and columns that no product names stay
  EXPECT_EQ(out1[40 + 33], -1);
  for (size_t i = 0; i < n; ++i) {
    for (size_t r = 0; r < 700; ++r) EXPECT_NEAR(out2[i * 700 + r], dot(&w2[r * n_in], &x[i * n_in], n_in), 1e-4);
  }
}

TEST_F(Matmul, MoreProductsThanOneRegionTakes) {
  const size_t n_in = 16, n_products = 2500;
  const auto x = random(n_in), w = random(n_products * n_in);
  nn::Activations in;
  carve([&](nn::Carver& c) { in.carve(c, 1, n_in); });
  ASSERT_TRUE(in.fill(context(), x.data(), 1, n_in, {float_matrix(w, n_in, 1)}));
  std::vector<float> out(n_products);
  std::vector<nn::Product> products;
  for (size_t i = 0; i < n_products; ++i) products.push_back({float_matrix(w, n_in, n_products).rows(i, 1), &in, 1, &out[i], 1});
  ASSERT_TRUE(nn::matmul(context(), products));
  for (size_t i = 0; i < n_products; ++i) EXPECT_NEAR(out[i], dot(&w[i * n_in], x.data(), n_in), 1e-5);
}

TEST_F(Matmul, PairsAreHandedOverWhenBothAreWritten) {
  const size_t n_in = 64, n_out = 200, n = 300, n_pairs = 600;  // two regions, and pairs of several tiles
  const auto x = random(n * n_in), w = random(2 * n_out * n_in);
  nn::Activations in;
  carve([&](nn::Carver& c) { in.carve(c, n, n_in); });
  const nn::Matrix first = float_matrix(w, n_in, 2 * n_out).rows(0, n_out), second = float_matrix(w, n_in, 2 * n_out).rows(n_out, n_out);
  ASSERT_TRUE(in.fill(context(), x.data(), n, n_in, {first, second}));
  std::vector<nn::Product> products;
  const auto n_of = [&](size_t pair) { return pair == 0 ? n : 1 + pair % 3; };
  size_t n_rows = 0;
  for (size_t pair = 0; pair < n_pairs; ++pair) n_rows += n_of(pair);
  const float unwritten = std::numeric_limits<float>::infinity();
  std::vector<float> a(n_rows * n_out, unwritten), b(n_rows * n_out, unwritten);
  size_t row = 0;
  for (size_t pair = 0; pair < n_pairs; row += n_of(pair++)) {
    products.push_back({first, &in, n_of(pair), a.data(), n_out, {}, {nullptr, row}});
    products.push_back({second, &in, n_of(pair), b.data(), n_out, {}, {nullptr, row}});
  }
  std::vector<float> single(n_out);
  products.push_back({second, &in, 1, single.data(), n_out});
  std::vector<uint32_t> tiles_left(n_rows);
  std::vector<std::atomic<int>> handed(n_rows);
  std::atomic<int> n_early{0};
  auto then = [&](size_t pair, size_t from, size_t count) {
    for (size_t i = from; i < from + count; ++i) {
      const size_t at = products[2 * pair].out_rows[i];
      for (size_t j = 0; j < n_out; ++j) n_early += a[at * n_out + j] == unwritten || b[at * n_out + j] == unwritten;
      ++handed[at];
    }
  };
  ASSERT_TRUE(nn::matmul_pairs(context(), products, 2 * n_pairs, tiles_left.data(), then));
  EXPECT_EQ(n_early, 0);
  for (size_t i = 0; i < n_rows; ++i) ASSERT_EQ(handed[i], 1) << "row " << i;
  for (size_t r = 0; r < n_out; ++r) EXPECT_NEAR(single[r], dot(&w[(n_out + r) * n_in], x.data(), n_in), 1e-4);
  for (size_t i = 0; i < n; i += 37) {
    for (size_t r = 0; r < n_out; ++r) {
      EXPECT_NEAR(a[i * n_out + r], dot(&w[r * n_in], &x[i * n_in], n_in), 1e-4);
      EXPECT_NEAR(b[i * n_out + r], dot(&w[(n_out + r) * n_in], &x[i * n_in], n_in), 1e-4);
    }
  }
}

TEST_F(Matmul, ProductsBehindThePairsAreHandedOverToNobody) {
  const size_t n_in = 64, n_out = 200;
  const auto x = random(n_in), w = random(3 * n_out * n_in);
  nn::Activations in;
  carve([&](nn::Carver& c) { in.carve(c, 1, n_in); });
  const nn::Matrix all = float_matrix(w, n_in, 3 * n_out);
  ASSERT_TRUE(in.fill(context(), x.data(), 1, n_in, {all}));
  std::vector<float> out(3 * n_out);
  std::vector<nn::Product> products;
  for (size_t i = 0; i < 3; ++i) products.push_back({all.rows(i * n_out, n_out), &in, 1, &out[i * n_out], n_out});
  std::vector<uint32_t> tiles_left = {0, 12345};
  std::atomic<int> n_handed{0};
  auto then = [&](size_t pair, size_t, size_t) { n_handed += pair == 0 ? 1 : 1000; };
  ASSERT_TRUE(nn::matmul_pairs(context(), products, 2, tiles_left.data(), then));
  EXPECT_EQ(n_handed, 1);
  EXPECT_EQ(tiles_left[1], 12345U);
  for (size_t r = 0; r < 3 * n_out; ++r) EXPECT_NEAR(out[r], dot(&w[r * n_in], x.data(), n_in), 1e-4);
}

TEST_F(Matmul, TransposedTakesRowsAsInputs) {
  const size_t n_in = 40, n_out = 24, n = 3;
  const auto w = random(n_out * n_in), x = random(n * 30);
  std::vector<float> out(n * 50, -1), row(n_in);
  nn::matmul_transposed(*select_kernels(nullptr), float_matrix(w, n_in, n_out), x.data(), 30, n, out.data(), 50, row.data());
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n_in; ++j) {
      double expected = 0;
      for (size_t r = 0; r < n_out; ++r) expected += double{w[r * n_in + j]} * x[i * 30 + r];
      EXPECT_NEAR(out[i * 50 + j], expected, 1e-5);
    }
    EXPECT_EQ(out[i * 50 + n_in], -1);
  }
}

// Exactly once, whatever the tiles, and with the bits of a multiplication behind the product.
TEST_F(Matmul, ScalesMultiplyProducts) {
  const size_t n_in = 64, n_out = 700, n = 300, n_stack = 3;
  const auto x = random(n * n_in), w = random(n_stack * n_out * n_in), scales = random(n_stack);
  nn::Activations in;
  carve([&](nn::Carver& c) { in.carve(c, n, n_in); });
  const nn::Matrix plain = float_matrix(w, n_in, n_out);
  nn::Stack stack(plain, n_stack, n_out * n_in * sizeof(float));
  ASSERT_TRUE(in.fill(context(), x.data(), n, n_in, {plain}));
  const auto products = [&](const nn::Stack& of, size_t begin, size_t count) {
    std::vector<float> out(n_stack * n * count);
    std::vector<nn::Product> p;
    for (size_t i = 0; i < n_stack; ++i) p.push_back({of.rows(begin, count)[i], &in, n, &out[i * n * count], count});
    EXPECT_TRUE(nn::matmul(context(), p));
    return out;
  };
  const auto expected = products(stack, 5, 600);
  const auto check = [&](const std::vector<float>& out, auto scale_of) {
    for (size_t i = 0; i < out.size(); ++i) ASSERT_EQ(out[i], expected[i] * scale_of(i / (n * 600))) << i;
  };
  stack.first.scale = &scales[1];
  check(products(stack, 5, 600), [&](size_t) { return scales[1]; });
  for (const float& scale : scales) stack.scales.push_back(&scale);
  check(products(stack, 5, 600), [&](size_t i) { return scales[i]; });
  EXPECT_EQ(stack[2].rows(1, 2).scale, &scales[2]);
}

TEST_F(Matmul, ScalesMultiplyWeightsThatAreTakenAsFloats) {
  const size_t n_in = 40, n_out = 24;
  const auto w = random(n_out * n_in), x = random(n_out);
  const float scale = 0.3f;
  nn::Matrix matrix = float_matrix(w, n_in, n_out);
  matrix.scale = &scale;
  std::vector<float> scaled = w, out(n_in), expected(n_in), row(n_in);
  for (float& v : scaled) v *= scale;
  const Kernels& kernels = *select_kernels(nullptr);
  nn::matmul_transposed(kernels, matrix, x.data(), n_out, 1, out.data(), n_in, row.data());
  nn::matmul_transposed(kernels, float_matrix(scaled, n_in, n_out), x.data(), n_out, 1, expected.data(), n_in, row.data());
  EXPECT_EQ(out, expected);
  nn::dequantise_row(kernels, matrix, 7, row.data());
  EXPECT_EQ(row, std::vector<float>(&scaled[7 * n_in], &scaled[8 * n_in]));
}

TEST_F(Matmul, CancelledReturnsFalse) {
  const auto x = random(64), w = random(64 * 64);
  nn::Activations in;
  carve([&](nn::Carver& c) { in.carve(c, 1, 64); });
  ASSERT_TRUE(in.fill(context(), x.data(), 1, 64, {float_matrix(w, 64, 64)}));
  std::vector<float> out(64);
  cancel_ = true;
  EXPECT_FALSE(nn::matmul(context(), {{float_matrix(w, 64, 64), &in, 1, out.data(), 64}}));
}

TEST(Carver, OverflowIsNotASmallSize) {
  nn::Carver c(nullptr);
  c.take<double>(SIZE_MAX / 4);
  EXPECT_EQ(c.used(), SIZE_MAX);
}

}  // namespace
}  // namespace coterie::test
