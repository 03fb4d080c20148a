// The same input gives the same bits on every machine: CRCs of results, kept in expected_bits.txt. After an intended
// change of the arithmetic, run with COTERIE_WRITE_EXPECTED_BITS=1.
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <map>
#include <string>

#include "fixture.h"
#include "reference.h"

namespace {

using Crcs = std::map<std::string, uint32_t>;

uint32_t crc_of(std::vector<float> x) {
  for (float& v : x)
    if (std::isnan(v)) v = 0;  // which NaN is the machine's choice
  return reference::crc32(x.data(), x.size() * 4);
}

void add_gemv(const Kernels& kernels, Crcs* crcs) {
  for (TensorType type : kWeightTypes) {
    std::vector<float> results;
    for (Values values : {Values::kTame, Values::kHostile}) {
      Random random(1);
      const Matrix w = random_matrix(random, type, 21, 768, 2, 1, values);
      const std::vector<float> x = random_floats(random, w.k, Values::kTame);
      const Activations act(kernels, type, x);
      std::vector<float> y(w.n_rows);
      kernels.gemv[static_cast<uint32_t>(type)](y.data(), w.data, w.row_bytes, w.k, act.data(), 0, w.n_rows);
      results.insert(results.end(), y.begin(), y.end());
    }
    std::string name = "gemv ";
    name += type_info(type).name;
    (*crcs)[name] = crc_of(results);
  }
}

void add_quantize(const Kernels& kernels, Crcs* crcs) {
  Random random(2);
  std::vector<float> x = random_floats(random, 8192, Values::kTame);
  for (size_t i = 0; i < x.size(); ++i) x[i] = std::ldexp(x[i], static_cast<int>(i / 256) * 8 - 120);
  const Activations small(kernels, TensorType::Q8_0, x), large(kernels, TensorType::Q4_K, x);
  (*crcs)["quantize 32"] = reference::crc32(small.data(), small.n_bytes());
  (*crcs)["quantize 256"] = reference::crc32(large.data(), large.n_bytes());
}

void add_floats(const Kernels& kernels, Crcs* crcs) {
  Random random(3);
  const size_t n = 5003;
  const std::vector<float> hostile = random_floats(random, n, Values::kHostile);
  std::vector<float> x = random_floats(random, n, Values::kTame), y(n);
  for (float& v : x) v *= 110;
  const float sum = kernels.exp_sum(y.data(), x.data(), 21.5f, n);
  y.push_back(sum);
  (*crcs)["exp_sum"] = crc_of(y);
  y.resize(n);
  (*crcs)["sum_squares"] = crc_of({kernels.sum_squares(x.data(), n)});
  (*crcs)["max"] = crc_of({kernels.max(hostile.data(), n)});
  kernels.mul(y.data(), hostile.data(), x.data(), 1.1f, n);
  (*crcs)["mul"] = crc_of(y);
  kernels.silu_mul(y.data(), x.data(), hostile.data(), n);
  (*crcs)["silu_mul"] = crc_of(y);
  kernels.sigmoid(y.data(), x.data(), n);
  (*crcs)["sigmoid"] = crc_of(y);
  kernels.axpy(y.data(), 1.1f, x.data(), n);
  (*crcs)["axpy"] = crc_of(y);
  kernels.add(y.data(), hostile.data(), n);
  (*crcs)["add"] = crc_of(y);
  std::vector<f16_bits> half(n);
  constexpr auto kF16 = static_cast<uint32_t>(TensorType::F16);
  kernels.encode[kF16](half.data(), hostile.data(), n);
  (*crcs)["to_f16"] = reference::crc32(half.data(), n * 2);
  kernels.encode[kF16](half.data(), x.data(), n);
  float* acc = x.data();
  const float* weights = y.data();
  kernels.weighted_sum[kF16](&acc, &weights, 1, half.data(), 1402, 7, 701);
  (*crcs)["weighted_sum_f16"] = crc_of(x);
}

const std::string kFile = COTERIE_SOURCE_DIR "/tests/simd/expected_bits.txt";

TEST(SameBits, OnEveryMachine) {
  std::vector<const Kernels*> tables = other_tables();
  tables.push_back(&scalar());
  for (const Kernels* table : tables) {
    Crcs found, expected;
    add_gemv(*table, &found);
    add_quantize(*table, &found);
    add_floats(*table, &found);
    if (std::getenv("COTERIE_WRITE_EXPECTED_BITS")) {
      std::ofstream file(kFile);
      for (const auto& [name, crc] : found)
        file << std::hex << std::setw(8) << std::setfill('0') << crc << ' ' << name << '\n';
    }
    std::ifstream file(kFile);
    std::string hex, name;
    while (file >> hex && std::getline(file >> std::ws, name))
      expected[name] = static_cast<uint32_t>(std::stoul(hex, nullptr, 16));
    EXPECT_EQ(found, expected) << table->isa;
  }
}

}  // namespace
