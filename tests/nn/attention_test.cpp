#include "nn/attention.h"

#include "nn_testing.h"

namespace coterie::test {
namespace {

class Attention : public NnTest {
 protected:
  // Compares a batch of n queries behind pos keys with softmax and sums in doubles.
  void check(const nn::AttentionShape& s, size_t pos, size_t n, bool value_is_prefix) {
    const Kernels& k = *select_kernels(nullptr);
    const size_t key_row = s.n_head_kv * s.key_dim, value_row = s.n_head_kv * s.value_dim, n_keys = pos + n;
    const size_t row = value_is_prefix ? key_row : key_row + value_row;
    const auto q = random(n * s.n_head * s.key_dim), rows = random(n_keys * row);
    std::vector<f16_bits> cache(n_keys * row);
    k.to_f16(cache.data(), rows.data(), rows.size());
    std::vector<float> exact(rows.size());
    k.dequantize[static_cast<uint32_t>(TensorType::F16)](exact.data(), cache.data(), exact.size());

    nn::AttentionScratch scratch;
    carve([&](nn::Carver& c) { scratch.carve(c, 3, s.value_dim); });
    std::vector<float> out(n * s.n_head * s.value_dim);
    const size_t value_at = value_is_prefix ? 0 : key_row;
    ASSERT_TRUE(nn::attention(context(), s, scratch, q.data(), cache.data(), cache.data() + value_at, row * 2, pos, n, out.data()));
    for (size_t i = 0; i < n; ++i) {
      for (size_t h = 0; h < s.n_head; ++h) {
        const size_t kv = h / (s.n_head / s.n_head_kv);
        std::vector<double> p(pos + i + 1);
        double sum = 0;
        for (size_t t = 0; t < p.size(); ++t) {
          if (s.window != 0 && t + s.window < p.size()) continue;
          p[t] = std::exp(s.scale * dot(&q[(i * s.n_head + h) * s.key_dim], &exact[t * row + kv * s.key_dim], s.key_dim));
          sum += p[t];
        }
        if (s.sinks != nullptr) sum += std::exp(double{s.sinks[h]});
        for (size_t j = 0; j < s.value_dim; ++j) {
          double value = 0;
          for (size_t t = 0; t < p.size(); ++t) value += p[t] / sum * exact[t * row + value_at + kv * s.value_dim + j];
          ASSERT_NEAR(out[(i * s.n_head + h) * s.value_dim + j], value, 2e-5) << i << " " << h << " " << j;
        }
      }
    }
  }
};

TEST_F(Attention, GroupedQueries) { check({8, 2, 24, 16, 0.2f}, 5, 7, false); }
TEST_F(Attention, OneKeyHeadWithValuesInItsPrefix) { check({6, 1, 40, 32, 0.15f}, 0, 9, true); }
TEST_F(Attention, AcrossBlocksOfKeys) {
  for (size_t pos : {254, 255, 256, 511, 700}) check({2, 1, 16, 8, 0.5f}, pos, 3, true);
}
TEST_F(Attention, SlidingWindow) {
  for (size_t window : {1, 7, 256, 300, 1000}) {
    for (size_t pos : {0, 5, 255, 259, 620}) check({4, 2, 16, 24, 0.5f, window}, pos, 5, false);
  }
}
TEST_F(Attention, Sinks) {
  const std::vector<float> sinks = {-1, 0.5f, 3, 9, -40, 60};  // from lost among the keys to drowning them
  for (size_t window : {0, 3}) {
    for (size_t pos : {0, 4, 300}) check({6, 2, 16, 8, 0.5f, window, sinks.data()}, pos, 4, false);
  }
}

// A position's values depend on what it sees, not on the batch it comes in.
TEST_F(Attention, SameBitsAloneAndInABatch) {
  const std::vector<float> sinks = {0.5f, 2};
  const nn::AttentionShape s{2, 1, 16, 16, 0.3f, 290, sinks.data()};
  const size_t n_keys = 600, n = 7, pos = n_keys - n;
  const Kernels& k = *select_kernels(nullptr);
  const auto q = random(n * 32), rows = random(n_keys * 32);
  std::vector<f16_bits> cache(rows.size());
  k.to_f16(cache.data(), rows.data(), rows.size());
  nn::AttentionScratch scratch;
  carve([&](nn::Carver& c) { scratch.carve(c, 3, s.value_dim); });
  std::vector<float> batch(n * 32), alone(n * 32);
  ASSERT_TRUE(nn::attention(context(), s, scratch, q.data(), cache.data(), cache.data() + 16, 64, pos, n, batch.data()));
  for (size_t i = 0; i < n; ++i) {
    ASSERT_TRUE(nn::attention(context(), s, scratch, &q[i * 32], cache.data(), cache.data() + 16, 64, pos + i, 1, &alone[i * 32]));
  }
  EXPECT_EQ(batch, alone);
}

}  // namespace
}  // namespace coterie::test
