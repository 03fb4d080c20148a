#include "fixture.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

#ifdef COTERIE_EMULATED_AVX512
namespace coterie {
extern const Kernels kernels_avx512vnni_emulated, kernels_amx_emulated;
}
#endif

const Kernels& scalar() {
  static const Kernels* table = select_kernels("scalar");
  return *table;
}

#ifdef COTERIE_EMULATED_AVX512
// As dispatch does.
static Kernels with_empty_slots_filled(Kernels k, const Kernels& fallback) {
  for (TensorType type : kWeightTypes) {
    const auto t = static_cast<uint32_t>(type);
    if (!k.gemv[t]) k.gemv[t] = fallback.gemv[t];
    if (!k.gemm[t]) k.gemm[t] = fallback.gemm[t];
  }
  return k;
}
#endif

const std::vector<const Kernels*>& other_tables() {
  static const std::vector<const Kernels*> tables = [] {
    std::vector<const Kernels*> found;
    for (const KernelSet* set = kernel_sets(); set->kernels; ++set)
      if (set->kernels != &scalar() && set->usable()) found.push_back(set->kernels);
#ifdef COTERIE_EMULATED_AVX512
    if (select_kernels("avx2")) {  // they were built with AVX2 flags
      static const Kernels avx512 = with_empty_slots_filled(kernels_avx512vnni_emulated, scalar());
      static const Kernels amx = [] {
        Kernels k = avx512;
        k.isa = kernels_amx_emulated.isa;
        for (TensorType type : kWeightTypes) {
          const auto t = static_cast<uint32_t>(type);
          if (kernels_amx_emulated.gemm[t]) k.gemm[t] = kernels_amx_emulated.gemm[t];
        }
        return k;
      }();
      found.push_back(&avx512);
      found.push_back(&amx);
    }
#endif
    std::printf("tables compared with scalar:");
    for (const Kernels* table : found) std::printf(" %s", table->isa);
    std::printf("\n");
    return found;
  }();
  return tables;
}

uint64_t seed() {
  static const uint64_t value = [] {
    const char* given = std::getenv("COTERIE_TEST_SEED");
    const uint64_t chosen = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    std::printf("COTERIE_TEST_SEED=%llu\n", static_cast<unsigned long long>(chosen));
    return chosen;
  }();
  return value;
}

static float from_bits(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}

float hostile_float(Random& random) {
  constexpr float kSpecial[] = {0.0f,      -0.0f,     INFINITY,  -INFINITY,        NAN,   0x1p-149f,
                                -0x1p-126f, 0x1.fffffep127f, 0x1p-100f, 0x1.fffffep-101f, 1e30f, -1e30f,
                                88.7f,     -103.9f,   65504,     65520,            0x1p-24f, 0x1p-25f};
  if (random.below(2)) return from_bits(random.bits());
  return kSpecial[random.below(std::size(kSpecial))];
}

std::vector<float> random_floats(Random& random, size_t n, Values values) {
  std::vector<float> x(n);
  for (float& v : x) v = values == Values::kTame ? random.uniform() : hostile_float(random);
  return x;
}

void set_factors(TensorType type, uint8_t* block, uint16_t d, uint16_t m) {
  const auto set = [=](size_t d_at, size_t m_at = 0) {
    std::memcpy(block + d_at, &d, 2);
    if (m_at) std::memcpy(block + m_at, &m, 2);
  };
  switch (type) {
    case TensorType::Q4_1:
    case TensorType::Q5_1:
    case TensorType::Q4_K:
    case TensorType::Q5_K: return set(0, 2);
    case TensorType::Q2_K: return set(80, 82);
    case TensorType::Q3_K: return set(108);
    case TensorType::Q6_K: return set(208);
    case TensorType::TQ1_0: return set(52);
    case TensorType::TQ2_0: return set(64);
    case TensorType::MXFP4: block[0] = static_cast<uint8_t>((d >> 10 & 31) - 15 + 128); return;
    case TensorType::NVFP4:
      for (int i = 0; i < 4; ++i) block[i] &= 0x7e;
      return;
    case TensorType::IQ1_M:
      for (int i = 0; i < 4; ++i)
        block[49 + 2 * i] = static_cast<uint8_t>((block[49 + 2 * i] & 15) | (d >> 4 * i & 15) << 4);
      return;
    default: return set(0);
  }
}

static void tame(Random& random, TensorType type, uint8_t* block) {
  if (type == TensorType::F32 || type == TensorType::BF16) {
    const float x = random.uniform();
    const size_t n_bytes = type_info(type).block_bytes;
    std::memcpy(block, reinterpret_cast<const uint8_t*>(&x) + 4 - n_bytes, n_bytes);
  } else {
    const uint32_t bits = random.bits();
    const auto half = [](uint32_t b) { return static_cast<uint16_t>(0x2000 | (b & 0x83ff)); };  // +-[2^-7, 2^-6)
    set_factors(type, block, half(bits), half(bits >> 16));
  }
}

Matrix random_matrix(Random& random, TensorType type, size_t n_rows, size_t k, size_t gap_bytes, size_t misalignment,
                     Values values) {
  const TypeInfo& info = type_info(type);
  const size_t used_bytes = k / info.block_elems * info.block_bytes;
  Matrix m = {type, n_rows, k, used_bytes + gap_bytes, nullptr, nullptr};
  const size_t n_bytes = n_rows ? misalignment + (n_rows - 1) * m.row_bytes + used_bytes : 0;
  m.buffer = std::make_unique<uint8_t[]>(n_bytes);
  for (size_t i = 0; i < n_bytes; ++i) m.buffer[i] = static_cast<uint8_t>(random.bits());
  uint8_t* data = m.buffer.get() + misalignment;
  m.data = data;
  if (values == Values::kTame)
    for (size_t r = 0; r < n_rows; ++r)
      for (size_t at = 0; at < used_bytes; at += info.block_bytes) tame(random, type, data + r * m.row_bytes + at);
  return m;
}

void Activations::Free::operator()(void* p) const { std::free(p); }

Activations::Activations(const Kernels& kernels, TensorType type, const std::vector<float>& x)
    : kind_(type_info(type).act), k_(x.size()) {
  n_bytes_ = kind_ == ActKind::kF32 ? k_ * 4 : kind_ == ActKind::kBlock32 ? k_ / 32 * sizeof(ActBlock32)
                                                                          : k_ / 256 * sizeof(ActBlock256);
  void* p = kind_ == ActKind::kF32 ? std::malloc(n_bytes_) : std::aligned_alloc(64, n_bytes_);
  bytes_.reset(p);
  std::memset(p, 0, n_bytes_);  // padding too, so that blocks can be compared as bytes
  if (kind_ == ActKind::kF32 && k_) std::memcpy(p, x.data(), n_bytes_);
  if (kind_ == ActKind::kBlock32) kernels.quantize32(static_cast<ActBlock32*>(p), x.data(), k_);
  if (kind_ == ActKind::kBlock256) kernels.quantize256(static_cast<ActBlock256*>(p), x.data(), k_);
}

std::vector<double> Activations::values() const {
  std::vector<double> v(k_);
  for (size_t i = 0; i < k_; ++i) {
    if (kind_ == ActKind::kF32) v[i] = static_cast<const float*>(data())[i];
    if (kind_ == ActKind::kBlock32) {
      const ActBlock32& b = static_cast<const ActBlock32*>(data())[i / 32];
      v[i] = static_cast<double>(b.d) * b.q[i % 32];
    }
    if (kind_ == ActKind::kBlock256) {
      const ActBlock256& b = static_cast<const ActBlock256*>(data())[i / 256];
      v[i] = static_cast<double>(b.d) * b.q[i % 256];
    }
  }
  return v;
}

bool same(float a, float b) { return (std::isnan(a) && std::isnan(b)) || std::memcmp(&a, &b, 4) == 0; }

testing::AssertionResult all_same(const std::vector<float>& expected, const std::vector<float>& actual) {
  for (size_t i = 0; i < expected.size(); ++i)
    if (!same(expected[i], actual[i]))
      return testing::AssertionFailure()
             << "element " << i << ": expected " << std::hexfloat << expected[i] << ", found " << actual[i];
  return testing::AssertionSuccess();
}
