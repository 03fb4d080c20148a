#include "nn/norm.h"

#include "nn_testing.h"

namespace coterie::test {
namespace {

class Norm : public NnTest {};

TEST_F(Norm, LayerNormAgainstDoubles) {
  for (const size_t n : {1, 5, 16, 33, 128, 4096}) {
    auto x = random(n, 3);
    for (float& v : x) v += 2;
    const auto w = random(n), bias = random(n);
    double mean = 0, variance = 0;
    for (float v : x) mean += double{v} / static_cast<double>(n);
    for (float v : x) variance += (v - mean) * (v - mean) / static_cast<double>(n);
    std::vector<float> y(n);
    nn::layer_norm(*select_kernels(nullptr), y.data(), x.data(), w.data(), bias.data(), n, 1e-6f);
    for (size_t i = 0; i < n; ++i) {
      EXPECT_NEAR(y[i], (x[i] - mean) / std::sqrt(variance + 1e-6) * w[i] + bias[i], n == 1 ? 1e-3 : 1e-5) << n << " " << i;
    }
    nn::layer_norm(*select_kernels(nullptr), x.data(), x.data(), w.data(), bias.data(), n, 1e-6f);
    EXPECT_EQ(x, y) << "in place, " << n;
  }
}

}  // namespace
}  // namespace coterie::test
