// Matrix times vector and dequantisation: every table against the scalar one, the scalar one against the reference.
#include <cmath>
#include <cstring>

#include "fixture.h"
#include "reference.h"

namespace {

std::vector<float> gemv(const Kernels& kernels, const Matrix& w, const Activations& x, size_t row0, size_t row1) {
  std::vector<float> y(w.n_rows + 2, 1234.5f);  // elements beyond the rows must stay
  kernels.gemv[static_cast<uint32_t>(w.type)](y.data(), w.data, w.row_bytes, w.k, x.data(), row0, row1);
  return y;
}

// Lengths to try: whole blocks; for float types any.
std::vector<size_t> lengths(TensorType type) {
  std::vector<size_t> k;
  if (type_info(type).act == ActKind::kF32)
    for (size_t i = 1; i <= 70; ++i) k.push_back(i);
  else
    for (size_t i : {1, 2, 3, 4, 7}) k.push_back(i * type_info(type).block_elems);
  return k;
}

void compare_tables(Values values) {
  Random random(seed());
  for (TensorType type : kWeightTypes) {
    for (size_t k : lengths(type)) {
      const size_t n_rows = k == lengths(type).front() ? 37 : k % 10;
      const Matrix w = random_matrix(random, type, n_rows, k, random.below(20), random.below(8), values);
      const Activations x(scalar(), type, random_floats(random, k, values));
      for (size_t row0 = 0; row0 <= n_rows && row0 < 3; ++row0) {
        const std::vector<float> expected = gemv(scalar(), w, x, row0, n_rows);
        for (const Kernels* table : other_tables())
          EXPECT_TRUE(all_same(expected, gemv(*table, w, x, row0, n_rows)))
              << table->isa << ' ' << type_info(type).name << " k " << k << " rows " << row0 << ".." << n_rows;
      }
    }
  }
}

TEST(Gemv, TablesAgree) { compare_tables(Values::kTame); }
TEST(Gemv, TablesAgreeOnHostileBytes) {
  for (int i = 0; i < 4; ++i) compare_tables(Values::kHostile);
}

TEST(Gemv, EveryNumberOfRows) {
  Random random(seed() + 1);
  for (TensorType type : kWeightTypes) {
    const size_t k = 512;
    for (size_t n_rows = 0; n_rows <= 20; ++n_rows) {
      const Matrix w = random_matrix(random, type, n_rows, k, 1, 1, Values::kTame);
      const Activations x(scalar(), type, random_floats(random, k, Values::kTame));
      const std::vector<float> expected = gemv(scalar(), w, x, 0, n_rows);
      EXPECT_EQ(expected[n_rows], 1234.5f);
      for (const Kernels* table : other_tables())
        EXPECT_TRUE(all_same(expected, gemv(*table, w, x, 0, n_rows)))
            << table->isa << ' ' << type_info(type).name << " rows " << n_rows;
    }
  }
}

// Codes, scales and activations at their bounds, where sums are greatest.
TEST(Gemv, ExtremeBlocks) {
  for (TensorType type : kWeightTypes) {
    if (type_info(type).act == ActKind::kF32) continue;
    const size_t k = 512, block_bytes = type_info(type).block_bytes, d_at = type == TensorType::Q6_K ? 208 : 0;
    Random random(0);
    Matrix w = random_matrix(random, type, 12, k, 0, 0, Values::kTame);
    constexpr uint8_t kFill[] = {0x00, 0xff, 0x80, 0x7f, 0xf0, 0x0f};
    for (size_t r = 0; r < 12; ++r) {
      uint8_t* row = w.buffer.get() + r * w.row_bytes;
      for (size_t at = 0; at < w.row_bytes; at += block_bytes) {
        std::memset(row + at, kFill[r / 2], block_bytes);
        if (type == TensorType::Q6_K && r % 2) std::memset(row + at + 192, 0x80, 16);  // scales -128
        row[at + d_at] = 0, row[at + d_at + 1] = 0x3c;                                 // 1
        if (type == TensorType::Q4_K || type == TensorType::Q5_K) row[at + 2] = 0, row[at + 3] = 0x3c;
      }
    }
    for (float sign : {1.0f, -1.0f}) {
      const Activations x(scalar(), type, std::vector<float>(k, sign * 127));
      const std::vector<float> expected = gemv(scalar(), w, x, 0, 12);
      for (size_t r = 0; r < 12; ++r)  // few enough steps that floats hold the exact sum, or its nearest
        EXPECT_NEAR(expected[r], reference::dot(reference::dequantize(type, w.row(r), k), x.values()).value,
                    0x1p-24 * std::fabs(expected[r]))
            << type_info(type).name << " row " << r;
      for (const Kernels* table : other_tables())
        EXPECT_TRUE(all_same(expected, gemv(*table, w, x, 0, 12))) << table->isa << ' ' << type_info(type).name;
    }
  }
}

TEST(Gemv, ScalarMeetsReference) {
  Random random(seed() + 2);
  for (TensorType type : kWeightTypes) {
    for (size_t k : lengths(type)) {
      const Matrix w = random_matrix(random, type, 3, k, 3, 1, Values::kTame);
      const Activations x(scalar(), type, random_floats(random, k, Values::kTame));
      const std::vector<float> y = gemv(scalar(), w, x, 0, 3);
      for (size_t r = 0; r < 3; ++r) {
        const reference::Sum expected = reference::dot(reference::dequantize(type, w.row(r), k), x.values());
        // Each block or element adds a few roundings of 2^-24.
        EXPECT_NEAR(y[r], expected.value, 2e-6 * expected.magnitude) << type_info(type).name << " k " << k;
      }
    }
  }
}

TEST(Dequantize, MeetsReference) {
  Random random(seed() + 3);
  for (TensorType type : kWeightTypes) {
    const size_t k = type_info(type).act == ActKind::kF32 ? 67 : 512;
    const Matrix w = random_matrix(random, type, 5, k, 3, 1, Values::kTame);
    for (size_t r = 0; r < w.n_rows; ++r) {
      std::vector<float> y(k);
      scalar().dequantize[static_cast<uint32_t>(type)](y.data(), w.row(r), k);
      const std::vector<double> expected = reference::dequantize(type, w.row(r), k);
      for (size_t i = 0; i < k; ++i) EXPECT_NEAR(y[i], expected[i], 2e-6) << type_info(type).name << " element " << i;
    }
  }
}

// Blocks of bytes 37 i + 11 with d = 2e66 and dmin = 2a3d, through the dequantisers of ggml-quants.c: CRC-32 of the
// floats, bit for bit.
TEST(Dequantize, GoldenVectors) {
  const struct {
    TensorType type;
    int d_at, dmin_at;
    uint32_t crc;
  } kGolden[] = {{TensorType::Q4_0, 0, -1, 0x2949b547}, {TensorType::Q5_0, 0, -1, 0x8dac3c9a},
                 {TensorType::Q8_0, 0, -1, 0x6d773c71}, {TensorType::Q4_K, 0, 2, 0xca1e4072},
                 {TensorType::Q5_K, 0, 2, 0x4d146849},  {TensorType::Q6_K, 208, -1, 0x2df5e1c5}};
  for (const auto& golden : kGolden) {
    const TypeInfo& info = type_info(golden.type);
    std::vector<uint8_t> block(info.block_bytes);
    for (size_t i = 0; i < block.size(); ++i) block[i] = static_cast<uint8_t>(37 * i + 11);
    block[golden.d_at] = 0x66, block[golden.d_at + 1] = 0x2e;
    if (golden.dmin_at >= 0) block[golden.dmin_at] = 0x3d, block[golden.dmin_at + 1] = 0x2a;
    for (const KernelSet* set = kernel_sets(); set->kernels; ++set) {
      if (!set->usable()) continue;
      std::vector<float> y(info.block_elems);
      set->kernels->dequantize[static_cast<uint32_t>(golden.type)](y.data(), block.data(), y.size());
      EXPECT_EQ(reference::crc32(y.data(), y.size() * 4), golden.crc) << set->kernels->isa << ' ' << info.name;
    }
  }
}

}  // namespace
