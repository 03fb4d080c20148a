#include "nn/sparse.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "nn_testing.h"

namespace coterie::test {
namespace {

class Sparse : public NnTest {
 protected:
  // Keys of `n_positions` positions as halves, and as the floats they stand for.
  void make_keys(size_t n_positions, size_t dim) {
    const auto values = random(n_positions * dim);
    keys_.resize(values.size());
    exact_.resize(values.size());
    kernels_.encode[static_cast<uint32_t>(TensorType::F16)](keys_.data(), values.data(), values.size());
    dequantise();
  }
  void dequantise() {
    kernels_.dequantize[static_cast<uint32_t>(TensorType::F16)](exact_.data(), keys_.data(), exact_.size());
  }

  static KvRows rows_of(std::vector<f16_bits>& halves, size_t dim) {
    auto* bytes = reinterpret_cast<std::byte*>(halves.data());
    const HeadRows rows = HeadRows::adjacent(bytes, dim * sizeof(f16_bits));
    return {TensorType::F16, rows, rows};
  }

  std::vector<int32_t> choose(const nn::IndexShape& shape, const std::vector<float>& q, const std::vector<float>& weights,
                              size_t pos, size_t n) {
    std::vector<int32_t> chosen(n * shape.top_k);
    nn::IndexScratch scratch;
    carve([&](nn::Carver& c) { scratch.carve(c, shape, 3); });
    for (size_t i = 0; i < n; i += scratch.group()) {
      EXPECT_TRUE(nn::choose_positions(context(), shape, scratch, &q[i * shape.n_head * shape.dim], &weights[i * shape.n_head],
                                       rows_of(keys_, shape.dim), pos + i, std::min(n - i, scratch.group()),
                                       &chosen[i * shape.top_k]));
    }
    return chosen;
  }

  const Kernels& kernels_ = *select_kernels(nullptr);
  std::vector<f16_bits> keys_;
  std::vector<float> exact_;
};

double score(const nn::IndexShape& s, const float* q, const float* weights, const float* key) {
  double sum = 0;
  for (size_t h = 0; h < s.n_head; ++h) sum += weights[h] * std::max(0.0, dot(q + h * s.dim, key, s.dim));
  return sum;
}

// The chosen are those that a sort by score in doubles puts first, but for scores that rounding may exchange.
TEST_F(Sparse, ChoosesTheBestPositionsUpToEachTokensOwn) {
  for (const size_t pos : {9, 255, 256, 600, 16383, 16390, 40000}) {
    const nn::IndexShape shape{3, 24, 10};
    const size_t n = 5;
    make_keys(pos + n, shape.dim);
    const auto q = random(n * shape.n_head * shape.dim), weights = random(n * shape.n_head);
    const auto chosen = choose(shape, q, weights, pos, n);
    for (size_t i = 0; i < n; ++i) {
      std::vector<double> scores(pos + i + 1);
      for (size_t t = 0; t < scores.size(); ++t) {
        scores[t] = score(shape, &q[i * shape.n_head * shape.dim], &weights[i * shape.n_head], &exact_[t * shape.dim]);
      }
      std::vector<double> sorted = scores;
      std::sort(sorted.begin(), sorted.end(), std::greater<>());
      const double worst = sorted[shape.top_k - 1];
      const int32_t* c = &chosen[i * shape.top_k];
      for (size_t k = 0; k < shape.top_k; ++k) {
        ASSERT_GE(c[k], 0);
        ASSERT_LT(static_cast<size_t>(c[k]), scores.size()) << pos << " " << i;
        ASSERT_TRUE(k == 0 || c[k - 1] < c[k]);
        EXPECT_GT(scores[static_cast<size_t>(c[k])], worst - 1e-4) << pos << " " << i << " " << k;
      }
    }
  }
}

TEST_F(Sparse, EveryPositionWhenThereAreNoMore) {
  const nn::IndexShape shape{2, 16, 33};
  make_keys(33, shape.dim);
  std::vector<int32_t> all(33);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(choose(shape, random(2 * 16), random(2), 32, 1), all);
}

TEST_F(Sparse, OfEqualScoresTheLowerPositionAndNotANumberLast) {
  const nn::IndexShape shape{1, 16, 4};
  make_keys(20000, shape.dim);
  std::fill(keys_.begin(), keys_.end(), f16_bits{0});
  const f16_bits one = 0x3c00, nan = 0x7e00, minus_one = 0xbc00;
  for (size_t t : {300, 17000, 19990}) keys_[t * shape.dim] = one;
  for (size_t t : {0, 1, 301}) keys_[t * shape.dim] = nan;
  keys_[2 * shape.dim] = minus_one;  // relu: equal to the zeros
  std::vector<float> q(shape.dim, 0.0f), ones = {1};
  q[0] = 1;
  EXPECT_EQ(choose(shape, q, ones, 19999, 1), (std::vector<int32_t>{0, 300, 17000, 19990}));  // relu(NaN) is 0
  const std::vector<float> nans = {std::numeric_limits<float>::quiet_NaN()};
  EXPECT_EQ(choose(shape, q, nans, 19999, 1), (std::vector<int32_t>{0, 1, 2, 3}));
}

// Neither the company of other tokens nor the number of threads changes a choice.
TEST_F(Sparse, TheSameAloneAndOnOneThread) {
  const nn::IndexShape shape{4, 32, 50};
  const size_t pos = 17000, n = 7;
  make_keys(pos + n, shape.dim);
  const auto q = random(n * shape.n_head * shape.dim), weights = random(n * shape.n_head);
  const auto together = choose(shape, q, weights, pos, n);
  ASSERT_TRUE(Arena::create(1, &arena_).ok());
  for (size_t i = 0; i < n; ++i) {
    const std::vector<float> one_q(&q[i * shape.n_head * shape.dim], &q[i * shape.n_head * shape.dim] + shape.n_head * shape.dim);
    const std::vector<float> one_w(&weights[i * shape.n_head], &weights[i * shape.n_head] + shape.n_head);
    const std::vector<int32_t> alone = choose(shape, one_q, one_w, pos + i, 1);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), together.begin() + static_cast<ptrdiff_t>(i * shape.top_k))) << i;
  }
}

// Attention to chosen rows is attention to a cache that holds only these; to all rows, it is the ordinary one.
TEST_F(Sparse, AttentionToTheChosen) {
  const nn::AttentionShape shape{3, 1, 40, 32, 0.2f};
  const size_t n_positions = 900;
  make_keys(n_positions, shape.key_dim);
  const auto q = random(shape.n_head * shape.key_dim);
  std::vector<int32_t> positions(n_positions);
  std::iota(positions.begin(), positions.end(), 0);
  nn::AttentionScratch scratch;
  carve([&](nn::Carver& c) { scratch.carve(c, 3, shape.n_head, shape.key_dim, shape.value_dim); });
  std::vector<std::byte> gathered(n_positions * shape.key_dim * sizeof(f16_bits));
  std::vector<float> out(shape.n_head * shape.value_dim), expected(out.size());
  ASSERT_TRUE(nn::attention(context(), shape, scratch, q.data(), rows_of(keys_, shape.key_dim), n_positions - 1, 1,
                            expected.data()));
  ASSERT_TRUE(nn::attend_chosen(context(), shape, scratch, q.data(), rows_of(keys_, shape.key_dim), positions.data(), n_positions,
                                gathered.data(), out.data()));
  EXPECT_EQ(out, expected);

  std::erase_if(positions, [&](int32_t) { return random_() % 3 == 0; });
  std::vector<f16_bits> rows;
  for (int32_t t : positions) rows.insert(rows.end(), &keys_[t * shape.key_dim], &keys_[t * shape.key_dim] + shape.key_dim);
  ASSERT_TRUE(nn::attention(context(), shape, scratch, q.data(), rows_of(rows, shape.key_dim), positions.size() - 1, 1,
                            expected.data()));
  ASSERT_TRUE(nn::attend_chosen(context(), shape, scratch, q.data(), rows_of(keys_, shape.key_dim), positions.data(),
                                positions.size(), gathered.data(), out.data()));
  EXPECT_EQ(out, expected);
}

}  // namespace
}  // namespace coterie::test
