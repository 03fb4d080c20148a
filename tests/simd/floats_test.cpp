// Activation blocks and operations on floats.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "fixture.h"
#include "reference.h"

namespace {

std::vector<const Kernels*> all_tables() {
  std::vector<const Kernels*> tables = other_tables();
  tables.push_back(&scalar());
  return tables;
}

float float_of(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}

// --- Rule 1 ---

TEST(Quantize, MeetsRule) {
  Random random(seed());
  for (TensorType type : {TensorType::Q8_0, TensorType::Q4_K}) {
    const size_t block = type_info(type).block_elems;
    for (int exponent : {-99, -60, -1, 0, 5, 60, 120}) {
      std::vector<float> x = random_floats(random, 4 * block, Values::kTame);
      for (float& v : x) v *= std::ldexp(1.0f, exponent);
      const std::vector<double> y = Activations(scalar(), type, x).values();
      for (size_t b = 0; b < 4; ++b) {
        double m = 0;
        for (size_t i = 0; i < block; ++i) m = std::max(m, std::fabs(static_cast<double>(x[b * block + i])));
        for (size_t i = b * block; i < (b + 1) * block; ++i)
          EXPECT_NEAR(y[i], x[i], m / 127 * 0.50001) << "block of " << block << " times 2^" << exponent;
      }
    }
  }
}

TEST(Quantize, RoundsHalfToEven) {
  std::vector<float> x(32);
  for (int i = 0; i < 31; ++i) x[i] = static_cast<float>(i - 15) + 0.5f;
  x[31] = -127;  // so d = 1
  for (const Kernels* table : all_tables()) {
    ActBlock32 block;
    table->quantize32(&block, x.data(), 32);
    EXPECT_EQ(block.d, 1);
    for (int i = 0; i < 32; ++i) EXPECT_EQ(block.q[i], std::nearbyint(x[i])) << table->isa;
  }
}

TEST(Quantize, SpecialBlocks) {
  Random random(seed());
  for (const Kernels* table : all_tables()) {
    for (float bad : {NAN, -NAN, INFINITY, -INFINITY, float_of(0x7f800001)}) {
      for (size_t at : {0, 1, 15, 16, 31, 100, 255}) {
        std::vector<float> x = random_floats(random, 256, Values::kTame);
        x[at] = bad;
        ActBlock256 block;
        table->quantize256(&block, x.data(), 256);
        EXPECT_TRUE(std::isnan(block.d)) << table->isa << ' ' << bad << " at " << at;
        EXPECT_TRUE(std::all_of(block.q, block.q + 256, [](int8_t q) { return q == 0; }));
        EXPECT_TRUE(std::all_of(block.sum16, block.sum16 + 16, [](int16_t s) { return s == 0; }));
      }
    }
    ActBlock32 block;
    std::vector<float> x(32, 0x1.fffffep-101f);
    table->quantize32(&block, x.data(), 32);
    EXPECT_EQ(block.d, 0);
    EXPECT_EQ(block.q[0], 0);
    x[7] = -0x1p-100f;
    table->quantize32(&block, x.data(), 32);
    EXPECT_EQ(block.d, 0x1p-100f / 127);
    EXPECT_EQ(block.q[7], -127);
    EXPECT_EQ(block.sum, 30 * 127);
    EXPECT_EQ(block.first_sum, 14 * 127);
  }
}

TEST(Quantize, TablesAgree) {
  Random random(seed());
  for (int round = 0; round < 200; ++round) {
    std::vector<float> x = random_floats(random, 256, round % 2 ? Values::kTame : Values::kHostile);
    if (round % 4 == 0)  // a hostile float now and then
      for (float& v : x) v = random.below(100) ? random.uniform() : v;
    for (TensorType type : {TensorType::Q8_0, TensorType::Q4_K}) {
      const Activations expected(scalar(), type, x);
      for (const Kernels* table : other_tables()) {
        const Activations actual(*table, type, x);
        EXPECT_EQ(std::memcmp(expected.data(), actual.data(), actual.n_bytes()), 0) << table->isa;
      }
    }
  }
}

// --- exp and what is made of it ---

std::vector<float> exp_of(const Kernels& kernels, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  kernels.exp_sum(y.data(), x.data(), 0, x.size());
  return y;
}

TEST(Exp, WithinTwoUlp) {
  std::vector<float> x;
  for (float v = -104; v <= 89; v += 0x1.3p-9f) x.push_back(v);
  for (float v : {0.0f, -0.0f, 1.0f, -1.0f, 0x1p-149f, 88.72283f, 88.72284f, -87.33654f, -103.97207f}) x.push_back(v);
  const std::vector<float> y = exp_of(scalar(), x);
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = std::exp(static_cast<double>(x[i]));
    if (exact >= 0x1.ffffffp127) {
      EXPECT_EQ(y[i], INFINITY) << x[i];
      continue;
    }
    const double ulp = std::ldexp(1.0, std::max(std::ilogb(exact), -126) - 23);
    worst = std::max(worst, std::fabs(y[i] - exact) / ulp);
  }
  EXPECT_LT(worst, 2);
  std::printf("exp: at most %.3f ulp from exact\n", worst);
}

TEST(Exp, Ends) {
  const std::vector<float> y = exp_of(scalar(), {NAN, -NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 0, -0.0f});
  EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]));
  EXPECT_EQ(y[2], INFINITY);
  EXPECT_EQ(y[3], 0);
  EXPECT_EQ(y[4], INFINITY);
  EXPECT_EQ(y[5], 0);
  EXPECT_EQ(y[6], 1);
  EXPECT_EQ(y[7], 1);
}

TEST(Exp, SumOfSoftmax) {
  Random random(seed());
  for (size_t n = 1; n <= 70; ++n) {
    std::vector<float> s = random_floats(random, n, Values::kTame), p(n);
    for (float& v : s) v *= 20;
    const float max = *std::max_element(s.begin(), s.end());
    const float sum = scalar().exp_sum(p.data(), s.data(), max, n);
    double expected = 0;
    for (size_t i = 0; i < n; ++i) {
      const double e = std::exp(static_cast<double>(s[i] - max));
      EXPECT_NEAR(p[i], e, 3e-7 * e);
      expected += e;
    }
    EXPECT_NEAR(sum, expected, 2e-6 * expected);
  }
}

// --- All float slots: tables agree at every length; scalar meets plain loops ---

struct Inputs {
  std::vector<float> x, w, y;
  std::vector<f16_bits> v;  // [3, n + 1]
  float a;
};

constexpr auto kF16 = static_cast<uint32_t>(TensorType::F16);

void weighted_sum_f16(const Kernels& k, float* acc, const float* p, const f16_bits* v, size_t row_bytes, size_t n_rows,
                      size_t n) {
  k.weighted_sum[kF16](&acc, &p, 1, v, row_bytes, n_rows, n);
}

// Results of every float slot, one after another.
std::vector<float> all_slots(const Kernels& k, const Inputs& in) {
  const size_t n = in.x.size();
  std::vector<float> results, y(n);
  const auto append = [&] { results.insert(results.end(), y.begin(), y.end()); };
  results.push_back(k.sum_squares(in.x.data(), n));
  results.push_back(k.exp_sum(y.data(), in.x.data(), in.a, n)), append();
  y = in.x, k.exp_sum(y.data(), y.data(), in.a, n), append();
  if (n) results.push_back(k.max(in.x.data(), n));
  k.mul(y.data(), in.x.data(), in.w.data(), in.a, n), append();
  k.silu_mul(y.data(), in.x.data(), in.w.data(), n), append();
  k.sigmoid(y.data(), in.x.data(), n), append();
  y = in.y, k.axpy(y.data(), in.a, in.x.data(), n), append();
  y = in.y, k.add(y.data(), in.x.data(), n), append();
  y = in.y, weighted_sum_f16(k, y.data(), in.w.data(), in.v.data(), 2 * (n + 1), std::min<size_t>(n, 3), n), append();
  std::vector<f16_bits> half(n);
  k.encode[kF16](half.data(), in.x.data(), n);
  results.insert(results.end(), half.begin(), half.end());
  return results;
}

Inputs random_inputs(Random& random, size_t n, Values values) {
  Inputs in = {random_floats(random, n, values), random_floats(random, n, values), random_floats(random, n, values),
               std::vector<f16_bits>(3 * (n + 1)), random_floats(random, 1, values)[0]};
  for (f16_bits& h : in.v) {
    const uint32_t bits = random.bits();
    h = static_cast<f16_bits>(values == Values::kTame ? 0x2000 | (bits & 0x93ff) : bits);
  }
  return in;
}

TEST(Floats, TablesAgree) {
  Random random(seed());
  for (size_t n = 0; n <= 150; ++n) {
    for (Values values : {Values::kTame, Values::kHostile}) {
      const Inputs in = random_inputs(random, n, values);
      const std::vector<float> expected = all_slots(scalar(), in);
      for (const Kernels* table : other_tables())
        EXPECT_TRUE(all_same(expected, all_slots(*table, in))) << table->isa << " n " << n;
    }
  }
}

TEST(Floats, ScalarMeetsPlainLoops) {
  Random random(seed());
  for (size_t n : {1, 15, 16, 17, 64, 150}) {
    const Inputs in = random_inputs(random, n, Values::kTame);
    const std::vector<float> results = all_slots(scalar(), in);
    std::vector<double> expected;
    double sum = 0, exp_sum = 0;
    const auto each = [&](auto f) {
      for (size_t i = 0; i < n; ++i) expected.push_back(f(i));
    };
    const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
    for (size_t i = 0; i < n; ++i) {
      sum += static_cast<double>(in.x[i]) * in.x[i];
      exp_sum += std::exp(static_cast<double>(in.x[i]) - in.a);
    }
    expected.push_back(sum);
    expected.push_back(exp_sum);
    for (int twice = 0; twice < 2; ++twice)
      each([&](size_t i) { return std::exp(static_cast<double>(in.x[i]) - in.a); });
    expected.push_back(*std::max_element(in.x.begin(), in.x.end()));
    each([&](size_t i) { return static_cast<double>(in.x[i]) * in.a * in.w[i]; });
    each([&](size_t i) { return in.x[i] * sigmoid(in.x[i]) * in.w[i]; });
    each([&](size_t i) { return sigmoid(in.x[i]); });
    each([&](size_t i) { return in.y[i] + static_cast<double>(in.a) * in.x[i]; });
    each([&](size_t i) { return static_cast<double>(in.y[i]) + in.x[i]; });
    each([&](size_t i) {
      double acc = in.y[i];
      for (size_t t = 0; t < std::min<size_t>(n, 3); ++t) acc += in.w[t] * reference::half_value(in.v[t * (n + 1) + i]);
      return acc;
    });
    each([&](size_t i) { return reference::half_bits(in.x[i]); });
    ASSERT_EQ(results.size(), expected.size());
    for (size_t i = 0; i < results.size(); ++i)
      EXPECT_NEAR(results[i], expected[i], 1e-6 * (1 + std::fabs(expected[i]))) << "n " << n << " result " << i;
  }
}

TEST(Max, IgnoresNanAndSignOfZero) {
  for (const Kernels* table : all_tables()) {
    for (size_t n : {2, 3, 16, 17, 40}) {
      std::vector<float> x(n, NAN);
      EXPECT_EQ(table->max(x.data(), n), -INFINITY) << table->isa;
      x[0] = -0.0f;
      EXPECT_TRUE(same(table->max(x.data(), n), 0.0f)) << table->isa;
      x[n - 1] = -5;
      EXPECT_EQ(table->max(x.data(), n), 0) << table->isa;
    }
  }
}

// --- Rows of a cache ---

TEST(Rows, TablesAgree) {
  Random random(seed() + 7);
  for (TensorType type : {TensorType::F32, TensorType::F16, TensorType::Q8_0}) {
    const auto t = static_cast<uint32_t>(type);
    const TypeInfo& info = type_info(type);
    for (size_t n_sums = 1; n_sums <= 16; ++n_sums) {
      const Values values = n_sums % 4 ? Values::kTame : Values::kHostile;
      const size_t n = info.block_elems == 1 ? 1 + random.below(300) : 32 * (1 + random.below(5)), n_rows = random.below(300);
      const size_t stride = n / info.block_elems * info.block_bytes + random.below(9);
      const std::vector<float> x = random_floats(random, n * n_rows, values), p = random_floats(random, n_sums * n_rows, values);
      const std::vector<float> before = random_floats(random, n_sums * n, values);
      const auto run = [&](const Kernels& k, std::vector<uint8_t>* rows) {
        rows->assign(stride * n_rows, 0xaa);
        for (size_t i = 0; i < n_rows; ++i) k.encode[t](rows->data() + i * stride, x.data() + i * n, n);
        std::vector<float> sums = before;
        std::vector<float*> acc;
        std::vector<const float*> weights;
        for (size_t j = 0; j < n_sums; ++j) acc.push_back(sums.data() + j * n), weights.push_back(p.data() + j * n_rows);
        k.weighted_sum[t](acc.data(), weights.data(), n_sums, rows->data(), stride, n_rows, n);
        return sums;
      };
      std::vector<uint8_t> expected_rows, rows;
      const std::vector<float> expected = run(scalar(), &expected_rows);
      for (const Kernels* table : other_tables()) {
        EXPECT_TRUE(all_same(expected, run(*table, &rows))) << table->isa << ' ' << info.name << " n " << n;
        if (type == TensorType::F32) continue;  // the bits of a NaN are copied
        EXPECT_EQ(expected_rows, rows) << table->isa << ' ' << info.name;
      }
      if (values == Values::kHostile) continue;
      std::vector<float> row(n);
      std::vector<double> sum(before.begin(), before.end());
      for (size_t i = 0; i < n_rows; ++i) {
        scalar().dequantize[t](row.data(), expected_rows.data() + i * stride, n);
        for (size_t c = 0; c < n; ++c) EXPECT_NEAR(row[c], x[i * n + c], type == TensorType::Q8_0 ? 5e-3 : 5e-4);
        for (size_t j = 0; j < n_sums; ++j)
          for (size_t c = 0; c < n; ++c) sum[j * n + c] += static_cast<double>(p[j * n_rows + i]) * row[c];
      }
      for (size_t c = 0; c < sum.size(); ++c) EXPECT_NEAR(expected[c], sum[c], 2e-5) << info.name;
    }
  }
}

// --- Halves ---

TEST(Half, EveryValueReads) {
  std::vector<f16_bits> v(65536);
  for (size_t i = 0; i < v.size(); ++i) v[i] = static_cast<f16_bits>(i);
  const float one = 1;
  for (const Kernels* table : all_tables()) {
    std::vector<float> y(v.size(), 0.0f);
    weighted_sum_f16(*table, y.data(), &one, v.data(), 0, 1, v.size());
    for (size_t i = 0; i < v.size(); ++i)
      ASSERT_TRUE(same(y[i], static_cast<float>(reference::half_value(v[i])) + 0.0f)) << table->isa << ' ' << i;
  }
}

TEST(Half, EveryRounding) {
  std::vector<float> x;
  Random random(seed());
  for (uint32_t h = 0; h < 0x7c00; ++h) {  // each value, the middle to the next one, and the floats beside that
    const float value = static_cast<float>(reference::half_value(static_cast<uint16_t>(h)));
    const float next = h == 0x7bff ? 65536 : static_cast<float>(reference::half_value(static_cast<uint16_t>(h + 1)));
    const float middle = value + (next - value) / 2;
    for (float v : {value, std::nextafter(middle, 0.0f), middle, std::nextafter(middle, INFINITY)}) {
      x.push_back(v);
      x.push_back(-v);
    }
  }
  for (int i = 0; i < 20000; ++i) x.push_back(hostile_float(random));
  std::vector<f16_bits> y(x.size());
  for (const Kernels* table : all_tables()) {
    table->encode[kF16](y.data(), x.data(), x.size());
    for (size_t i = 0; i < x.size(); ++i)
      ASSERT_EQ(y[i], reference::half_bits(x[i])) << table->isa << std::hexfloat << ' ' << x[i];
  }
}

}  // namespace
