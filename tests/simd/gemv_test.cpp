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

TEST(Gemv, EveryScaleOfNVFP4) {
  Random random(seed() + 6);
  Matrix w = random_matrix(random, TensorType::NVFP4, 1024, 64, 0, 0, Values::kTame);
  for (size_t row = 0; row < 1024; ++row) w.buffer[row * w.row_bytes + row / 256] = static_cast<uint8_t>(row);
  const Activations x(scalar(), w.type, random_floats(random, w.k, Values::kTame));
  const std::vector<float> expected = gemv(scalar(), w, x, 0, w.n_rows);
  for (const Kernels* table : other_tables()) EXPECT_TRUE(all_same(expected, gemv(*table, w, x, 0, w.n_rows))) << table->isa;
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
    const size_t k = 512, block_bytes = type_info(type).block_bytes;
    constexpr uint16_t kOne = 0x3c00;
    Random random(0);
    Matrix w = random_matrix(random, type, 12, k, 0, 0, Values::kTame);
    constexpr uint8_t kFill[] = {0x00, 0xff, 0x80, 0x7f, 0xf0, 0x0f};
    for (size_t r = 0; r < 12; ++r) {
      uint8_t* row = w.buffer.get() + r * w.row_bytes;
      for (size_t at = 0; at < w.row_bytes; at += block_bytes) {
        std::memset(row + at, kFill[r / 2], block_bytes);
        if (type == TensorType::Q6_K && r % 2) std::memset(row + at + 192, 0x80, 16);  // scales -128
        set_factors(type, row + at, kOne, kOne);
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

// Also those that no quantiser writes.
TEST(Dequantize, EveryScaleOfNVFP4) {
  for (int scale = 0; scale < 256; ++scale) {
    uint8_t block[36];
    for (int i = 0; i < 36; ++i) block[i] = static_cast<uint8_t>(i < 4 ? scale : 37 * i);
    std::vector<float> y(64);
    scalar().dequantize[static_cast<uint32_t>(TensorType::NVFP4)](y.data(), block, 64);
    const std::vector<double> expected = reference::dequantize(TensorType::NVFP4, block, 64);
    for (size_t i = 0; i < 64; ++i) EXPECT_EQ(y[i], expected[i]) << "scale " << scale << " element " << i;
  }
}

// Blocks of bytes 37 i + 11 with d and m or dmin set, through the dequantisers of ggml-quants.c: CRC-32 of the floats,
// bit for bit.
TEST(Dequantize, GoldenVectors) {
  const struct {
    TensorType type;
    uint32_t crc;
    uint16_t d = 0x2e66;
  } kGolden[] = {{TensorType::Q4_0, 0x2949b547},   {TensorType::Q4_1, 0xe5a89dfe},
                 {TensorType::Q5_0, 0x8dac3c9a},   {TensorType::Q5_1, 0xdde1dcff},
                 {TensorType::Q8_0, 0x6d773c71},   {TensorType::Q2_K, 0x9e6e4d4b},
                 {TensorType::Q3_K, 0x96a33182},   {TensorType::Q4_K, 0xca1e4072},
                 {TensorType::Q5_K, 0x4d146849},   {TensorType::Q6_K, 0x2df5e1c5},
                 {TensorType::IQ4_NL, 0x6718317f}, {TensorType::IQ4_XS, 0xac2d624c},
                 {TensorType::MXFP4, 0x0b0fcecf, 0x4000},
                 {TensorType::TQ1_0, 0x3e2722f3},  {TensorType::TQ2_0, 0xee0abaad},
                 {TensorType::IQ2_XXS, 0x4264f1ad}, {TensorType::IQ2_XS, 0x62575257},
                 {TensorType::IQ2_S, 0x42dbf021},   {TensorType::IQ3_XXS, 0x19914384},
                 {TensorType::IQ3_S, 0x32483bc1},   {TensorType::IQ1_S, 0xe3f01194},
                 {TensorType::IQ1_M, 0xa17b4172, 0x2666},
                 {TensorType::NVFP4, 0xb7aced37},
                 {TensorType::Q1_0, 0xa726b5fa},   {TensorType::Q2_0, 0x478b4ba9}};
  constexpr size_t kFloatTypes = 3;
  EXPECT_EQ(std::size(kGolden), std::size(kWeightTypes) - kFloatTypes);
  for (const auto& golden : kGolden) {
    const TypeInfo& info = type_info(golden.type);
    std::vector<uint8_t> block(info.block_bytes);
    for (size_t i = 0; i < block.size(); ++i) block[i] = static_cast<uint8_t>(37 * i + 11);
    set_factors(golden.type, block.data(), golden.d, 0x2a3d);
    for (const KernelSet* set = kernel_sets(); set->kernels; ++set) {
      if (!set->usable()) continue;
      std::vector<float> y(info.block_elems);
      set->kernels->dequantize[static_cast<uint32_t>(golden.type)](y.data(), block.data(), y.size());
      EXPECT_EQ(reference::crc32(y.data(), y.size() * 4), golden.crc) << set->kernels->isa << ' ' << info.name;
    }
  }
}

}  // namespace
