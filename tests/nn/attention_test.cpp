#include "nn/attention.h"

#include <numeric>

#include "nn_testing.h"

namespace coterie::test {
namespace {

class Attention : public NnTest {
 protected:
  // A cache of one layer, and what its rows stand for: those of a position one after another, keys before values.
  struct Cache {
    KvCache cache;
    KvRows rows;
    size_t row, value_at;
    std::vector<float> exact;

    Cache(TensorType type, const nn::AttentionShape& s, bool value_is_prefix, std::vector<float> x, size_t n_keys)
        : row(x.size() / n_keys), value_at(value_is_prefix ? 0 : s.n_head_kv * s.key_dim), exact(std::move(x)) {
      const KvShape shape{1, s.n_head_kv, s.key_dim, value_is_prefix ? 0 : s.value_dim, 0, std::gcd(s.key_dim, s.value_dim)};
      EXPECT_TRUE(KvCache::create(shape, type, n_keys, &cache).ok());
      rows = cache.layer(0);
      for (size_t t = 0; t < n_keys; ++t) {
        for (size_t h = 0; h < s.n_head_kv; ++h) {
          keep(rows.keys.at(h, t), &exact[t * row + h * s.key_dim], s.key_dim);
          if (!value_is_prefix) keep(rows.values.at(h, t), &exact[t * row + value_at + h * s.value_dim], s.value_dim);
        }
      }
    }

    void keep(std::byte* at, float* x, size_t n) const {
      const Kernels& k = *select_kernels(nullptr);
      k.encode[static_cast<uint32_t>(rows.type)](at, x, n);
      k.dequantize[static_cast<uint32_t>(rows.type)](x, at, n);
    }
  };

  static size_t row_of(const nn::AttentionShape& s, bool value_is_prefix) {
    return s.n_head_kv * (s.key_dim + (value_is_prefix ? 0 : s.value_dim));
  }

  // Compares a batch of n queries behind pos keys with softmax and sums in doubles.
  void check(const nn::AttentionShape& s, size_t pos, size_t n, bool value_is_prefix, TensorType type = TensorType::F16) {
    const size_t n_keys = pos + n, row = row_of(s, value_is_prefix);
    const auto q = random(n * s.n_head * s.key_dim);
    const Cache cache(type, s, value_is_prefix, random(n_keys * row), n_keys);
    const std::vector<float>& exact = cache.exact;
    // Queries that meet int8 keys are rounded to int8 themselves.
    const double tolerance = type == TensorType::Q8_0 ? 2e-2 : 2e-5;

    nn::AttentionScratch scratch;
    carve([&](nn::Carver& c) { scratch.carve(c, 3, s.n_head, s.key_dim, s.value_dim); });
    std::vector<float> out(n * s.n_head * s.value_dim);
    ASSERT_TRUE(nn::attention(context(), s, scratch, q.data(), cache.rows, pos, n, out.data()));
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
          for (size_t t = 0; t < p.size(); ++t) value += p[t] / sum * exact[t * row + cache.value_at + kv * s.value_dim + j];
          ASSERT_NEAR(out[(i * s.n_head + h) * s.value_dim + j], value, tolerance) << i << " " << h << " " << j;
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

TEST_F(Attention, EveryTypeOfCache) {
  for (TensorType type : {TensorType::F32, TensorType::F16, TensorType::Q8_0}) {
    check({8, 2, 64, 32, 0.2f, 40}, 250, 20, false, type);
    check({5, 1, 96, 64, 0.1f}, 300, 3, true, type);
  }
}

// A position's values depend on what it sees, not on the batch it comes in: alone, its blocks are attended to apart.
TEST_F(Attention, SameBitsAloneAndInABatch) {
  const std::vector<float> sinks = random(40);
  const auto compare = [&](const nn::AttentionShape& s, size_t n_keys, size_t n) {
    const size_t pos = n_keys - n, q_row = s.n_head * s.key_dim, out_row = s.n_head * s.value_dim;
    const auto q = random(n * q_row);
    const Cache cache(TensorType::F16, s, false, random(n_keys * row_of(s, false)), n_keys);
    nn::AttentionScratch scratch;
    carve([&](nn::Carver& c) { scratch.carve(c, 3, s.n_head, s.key_dim, s.value_dim); });
    std::vector<float> batch(n * out_row), alone(n * out_row);
    ASSERT_TRUE(nn::attention(context(), s, scratch, q.data(), cache.rows, pos, n, batch.data()));
    for (size_t i = 0; i < n; ++i) {
      ASSERT_TRUE(nn::attention(context(), s, scratch, &q[i * q_row], cache.rows, pos + i, 1, &alone[i * out_row]));
    }
    EXPECT_EQ(batch, alone) << n_keys;
  };
  compare({2, 1, 16, 16, 0.3f, 290, sinks.data()}, 600, 7);
  compare({40, 2, 8, 16, 0.5f, 0, sinks.data()}, 700, 2);  // more heads share keys than one task takes
  for (size_t n_blocks : {nn::kWave, 2 * nn::kWave + 3}) {
    for (size_t n_keys : {n_blocks * nn::kKeyBlock, n_blocks * nn::kKeyBlock + 1}) compare({6, 3, 8, 8, 0.9f}, n_keys, 2);
  }
}

// Blocks of keys and values as floats, for one head among others: against doubles, and the same bits for a query alone.
TEST_F(Attention, BlockByBlock) {
  constexpr size_t kKeyDim = 20, kValueDim = 24, kHeads = 2;
  const nn::AttentionShape s{1, 1, kKeyDim, kValueDim, 0.3f};
  const size_t pos = 240, n = 300, n_keys = pos + n;
  const auto q = random(n * kHeads * kKeyDim), keys = random(n_keys * kKeyDim), values = random(n_keys * kValueDim);
  nn::AttentionScratch scratch;
  carve([&](nn::Carver& c) { scratch.carve(c, 1, 1, kKeyDim, kValueDim); });
  // Of the queries [first, last) of the second head.
  const auto attend = [&](size_t first, size_t last) {
    std::vector<nn::Running> running(last - first);
    std::vector<float> out((last - first) * kHeads * kValueDim, NAN), turned(kKeyDim * nn::kKeyBlock, NAN);
    for (size_t t0 = 0; t0 < pos + last; t0 += nn::kKeyBlock) {
      const size_t count = std::min(nn::kKeyBlock, pos + last - t0);
      for (size_t t = 0; t < count; ++t) {
        for (size_t i = 0; i < kKeyDim; ++i) turned[i * nn::kKeyBlock + t] = keys[(t0 + t) * kKeyDim + i];
      }
      std::vector<float> block(&values[t0 * kValueDim], &values[0] + (t0 + count) * kValueDim);
      nn::attend_block(context(), s, scratch, 0, {turned.data(), block.data(), t0, count}, &q[(first * kHeads + 1) * kKeyDim],
                       kHeads * kKeyDim, pos + first, last - first, running.data(), out.data() + kValueDim,
                       kHeads * kValueDim);
    }
    return out;
  };
  const auto all = attend(0, n);
  for (size_t i = 0; i < n; ++i) {
    std::vector<double> p(pos + i + 1);
    double sum = 0;
    for (size_t t = 0; t < p.size(); ++t) {
      sum += p[t] = std::exp(double{s.scale} * dot(&q[(i * kHeads + 1) * kKeyDim], &keys[t * kKeyDim], kKeyDim));
    }
    for (size_t j = 0; j < kValueDim; ++j) {
      double value = 0;
      for (size_t t = 0; t < p.size(); ++t) value += p[t] / sum * values[t * kValueDim + j];
      ASSERT_NEAR(all[(i * kHeads + 1) * kValueDim + j], value, 2e-5) << i << " " << j;
    }
  }
  for (size_t i : {0, 15, 16, 255, 299}) {
    const auto alone = attend(i, i + 1);
    for (size_t j = kValueDim; j < 2 * kValueDim; ++j) ASSERT_EQ(alone[j], all[i * kHeads * kValueDim + j]) << i;
  }
}

}  // namespace
}  // namespace coterie::test
