// Matrix times many vectors: every table gives the bits of the scalar matrix times vector.
#include <cstring>

#include "fixture.h"

namespace {

struct Vectors {
  std::vector<Activations> activations;
  std::vector<const void*> x;
  Vectors(Random& random, TensorType type, size_t n, size_t k, Values values) {
    for (size_t i = 0; i < n; ++i) activations.emplace_back(scalar(), type, random_floats(random, k, values));
    for (const Activations& a : activations) x.push_back(a.data());
  }
};

using Rows = std::vector<std::vector<float>>;

Rows gemm(const Kernels& kernels, const Matrix& w, const Vectors& v, size_t row0, size_t row1) {
  Rows y(v.x.size(), std::vector<float>(w.n_rows + 1, 1234.5f));  // elements beyond the rows must stay
  std::vector<float*> out;
  for (auto& row : y) out.push_back(row.data());
  kernels.gemm[static_cast<uint32_t>(w.type)](out.data(), w.data, w.row_bytes, w.k, v.x.data(), v.x.size(), row0, row1);
  return y;
}

Rows gemv(const Matrix& w, const Vectors& v, size_t row0, size_t row1) {
  Rows y(v.x.size(), std::vector<float>(w.n_rows + 1, 1234.5f));
  for (size_t i = 0; i < y.size(); ++i)
    scalar().gemv[static_cast<uint32_t>(w.type)](y[i].data(), w.data, w.row_bytes, w.k, v.x[i], row0, row1);
  return y;
}

void compare(Random& random, TensorType type, size_t n_rows, size_t k, size_t n, Values values) {
  const Matrix w = random_matrix(random, type, n_rows, k, random.below(20), random.below(8), values);
  const Vectors v(random, type, n, k, values);
  const size_t row0 = random.below(3);
  if (row0 > n_rows) return;
  const Rows expected = gemv(w, v, row0, n_rows);
  std::vector<const Kernels*> tables = other_tables();
  tables.push_back(&scalar());
  for (const Kernels* table : tables) {
    const Rows y = gemm(*table, w, v, row0, n_rows);
    for (size_t i = 0; i < n; ++i)
      ASSERT_TRUE(all_same(expected[i], y[i])) << table->isa << ' ' << type_info(type).name << " k " << k << " rows "
                                               << row0 << ".." << n_rows << " vector " << i << " of " << n;
  }
}

TEST(Gemm, HasTheBitsOfGemv) {
  Random random(seed() + 4);
  for (TensorType type : kWeightTypes) {
    const size_t block = type_info(type).block_elems;
    for (size_t n : {0, 1, 3, 4, 5, 6, 7, 8, 15, 128}) {
      const size_t k = block == 1 ? 1 + random.below(70) : block * (1 + random.below(4));
      compare(random, type, n == 128 ? 3 : random.below(75), k, n, Values::kTame);
      compare(random, type, 1 + random.below(75), k, n, Values::kHostile);
    }
  }
}

TEST(Gemm, EveryNumberOfRows) {
  Random random(seed() + 5);
  for (TensorType type : kWeightTypes)
    for (size_t n_rows = 0; n_rows <= 70; n_rows += 1 + random.below(5))
      compare(random, type, n_rows, 256, 5, Values::kTame);
}

// Rows of a cache and longer ones, whose halves some tables keep as floats for all vectors but the first.
TEST(Gemm, LongRowsOfFloats) {
  Random random(seed() + 6);
  for (TensorType type : {TensorType::F32, TensorType::F16, TensorType::BF16}) {
    for (size_t k : {128, 576, 1023, 1024, 1025}) {
      for (size_t n : {2, 4, 5, 16, 33}) compare(random, type, 4 + random.below(20), k, n, Values::kTame);
    }
  }
}

// Codes, scales and activations at their bounds, where the sums of pairs in int16 are greatest.
TEST(Gemm, ExtremeBlocks) {
  for (TensorType type : kWeightTypes) {
    if (type_info(type).act == ActKind::kF32) continue;
    const size_t k = 512;
    Random random(0);
    Matrix w = random_matrix(random, type, 32, k, 0, 0, Values::kTame);
    constexpr uint8_t kFill[] = {0x00, 0xff, 0x80, 0x7f, 0xf0, 0x0f, 0xaa, 0x55};
    for (size_t i = 0; i < 32 * w.row_bytes; ++i) w.buffer[i] = kFill[i / w.row_bytes / 4];
    Vectors v(random, type, 0, k, Values::kTame);
    for (float sign : {1.0f, -1.0f, 1.0f, -1.0f})
      v.activations.emplace_back(scalar(), type, std::vector<float>(k, sign * 127));
    for (const Activations& a : v.activations) v.x.push_back(a.data());
    const Rows expected = gemv(w, v, 0, 32);
    for (const Kernels* table : other_tables()) {
      const Rows y = gemm(*table, w, v, 0, 32);
      for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(all_same(expected[i], y[i])) << table->isa << ' ' << type_info(type).name;
    }
  }
}

}  // namespace
