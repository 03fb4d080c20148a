#include "random_weights.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>

#include "kernels.h"

namespace coterie::bench {
namespace {

constexpr size_t kChoices = 16;  // different scales of the blocks of a tensor

// Where a block keeps its scale, and what random codes decode to (layouts: simd/formats.h; ggml-quants.c of ggml).
struct BlockScale {
  TensorType type;
  double unit;           // standard deviation of the weights of blocks whose scale is 1
  int scale_at;          // byte of the F16 scale; -1: another kind of scale, see put_scale
  int min_at = -1;       // byte of the F16 min
  double min_ratio = 0;  // min / scale at which the mean is 0
};

constexpr BlockScale kBlockScales[] = {
    {TensorType::Q4_0, 4.637, 0},
    {TensorType::Q4_1, 4.610, 0, 2, -7.5},
    {TensorType::Q5_0, 9.247, 0},
    {TensorType::Q5_1, 9.233, 0, 2, -15.5},
    {TensorType::Q8_0, 73.9, 0},
    {TensorType::Q2_K, 13.87, 80, 82, 1.5},
    {TensorType::Q3_K, 43.34, 108},
    {TensorType::Q4_K, 258.3, 0, 2, 7.5},
    {TensorType::Q5_K, 526.9, 0, 2, 15.5},
    {TensorType::Q6_K, 1365.7, 208},
    {TensorType::IQ2_XXS, 53.4, 0},
    {TensorType::IQ2_XS, 55.9, 0},
    {TensorType::IQ2_S, 56.4, 0},
    {TensorType::IQ3_XXS, 142.5, 0},
    {TensorType::IQ3_S, 140.4, 0},
    {TensorType::IQ1_S, 7.20, 0},
    {TensorType::IQ1_M, 7.20, -1},
    {TensorType::IQ4_NL, 67.5, 0},
    {TensorType::IQ4_XS, 1244.6, 0},
    {TensorType::TQ1_0, 0.817, 52},
    {TensorType::TQ2_0, 1.225, 64},
    {TensorType::MXFP4, 5.86, -1},
    {TensorType::NVFP4, 5.86, -1},
    {TensorType::Q1_0, 1, 0},
    {TensorType::Q2_0, 1.225, 0},
};

const BlockScale* find_scale(TensorType type) {
  const auto found = std::find_if(std::begin(kBlockScales), std::end(kBlockScales),
                                  [type](const BlockScale& s) { return s.type == type; });
  return found == std::end(kBlockScales) ? nullptr : found;
}

bool is_float(TensorType type) {
  return type == TensorType::F32 || type == TensorType::F16 || type == TensorType::BF16;
}

f16_bits half(double x) {
  const float value = static_cast<float>(x);
  f16_bits bits;
  static const auto encode = select_kernels(nullptr)->encode[static_cast<uint32_t>(TensorType::F16)];
  encode(&bits, &value, 1);
  return bits;
}

// Scales of both signs whose mean square is scale^2. The signs make up for codes whose mean is not 0, such as Q4_0's.
double scale_choice(double scale, size_t i) {
  const double magnitude = 0.75 + 0.5 * static_cast<double>(i / 2) / (kChoices / 2 - 1);
  return (i % 2 == 0 ? scale : -scale) * magnitude / 1.013;
}

// The exponents around scale, as often as gives the mean square scale^2 (MXFP4: a scale is 2^(e - 128)).
uint8_t power_choice(double scale, size_t i) {
  const double low = std::floor(std::log2(scale)), ratio = scale / std::exp2(low);
  const bool high = static_cast<double>(i) < kChoices * (ratio * ratio - 1) / 3;
  return static_cast<uint8_t>(std::clamp(128 + low + (high ? 1 : 0), 0.0, 254.0));
}

// The nearest scale of NVFP4: half of an unsigned E4M3 (exponent bias 7).
uint8_t nearest_e4m3(double scale) {
  uint8_t best = 0;
  double error = scale;
  for (int code = 1; code < 0x7F; ++code) {
    const int exponent = code >> 3, mantissa = code & 7;
    const double value = exponent == 0 ? std::ldexp(mantissa, -10) : std::ldexp(8 + mantissa, exponent - 11);
    if (std::fabs(value - scale) >= error) continue;
    error = std::fabs(value - scale);
    best = static_cast<uint8_t>(code);
  }
  return best;
}

void put_half(uint8_t* at, f16_bits bits) { std::memcpy(at, &bits, 2); }

// What put_scale writes into blocks of choice i: bits of an F16, or of the byte that is the scale of MXFP4 and NVFP4.
uint16_t scale_bits(TensorType type, double scale, size_t i) {
  if (type == TensorType::MXFP4) return power_choice(scale, i);
  if (type == TensorType::NVFP4) return nearest_e4m3(scale);
  return half(scale_choice(scale, i));
}

void put_scale(const BlockScale& s, uint16_t bits, uint8_t* block) {
  if (s.scale_at >= 0) put_half(block + s.scale_at, bits);
  if (s.type == TensorType::MXFP4) block[0] = static_cast<uint8_t>(bits);
  if (s.type == TensorType::NVFP4) std::memset(block, bits, 4);
  if (s.type == TensorType::IQ1_M) {  // four bits at the top of each of the last four 16-bit words
    for (int i = 0; i < 4; ++i) {
      uint8_t& high = block[49 + 2 * i];
      high = static_cast<uint8_t>((high & 15) | (bits >> 4 * i & 15) << 4);
    }
  }
}

// Quantisers never write -128, whose magnitude is no int8.
void avoid_lowest(uint8_t* codes, size_t n) {
  for (size_t i = 0; i < n; ++i) codes[i] = codes[i] == 0x80 ? 0x81 : codes[i];
}

}  // namespace

bool RandomWeights::supports(TensorType type) { return is_float(type) || find_scale(type) != nullptr; }

uint64_t RandomWeights::next() {
  state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
  return state_;
}

void RandomWeights::fill(TensorType type, double deviation, uint8_t* out, size_t n_bytes) {
  if (is_float(type)) return fill_floats(type, deviation, out, n_bytes);
  size_t at = 0;
  for (; at + 8 <= n_bytes; at += 8) {
    const uint64_t word = next();
    std::memcpy(out + at, &word, 8);
  }
  const uint64_t word = next();
  std::memcpy(out + at, &word, n_bytes - at);

  const BlockScale& s = *find_scale(type);
  const double scale = deviation / s.unit;
  const size_t block_bytes = type_info(type).block_bytes;
  uint16_t scales[kChoices];
  f16_bits mins[kChoices];
  for (size_t i = 0; i < kChoices; ++i) {
    scales[i] = scale_bits(type, scale, i);
    mins[i] = half(s.min_ratio * scale_choice(scale, i));
  }
  uint64_t choices = 0;
  for (size_t i = 0; i * block_bytes < n_bytes; ++i, choices >>= 4) {
    if (i % 16 == 0) choices = next();
    uint8_t* block = out + i * block_bytes;
    if (type == TensorType::Q8_0) avoid_lowest(block + 2, 32);
    put_scale(s, scales[choices % kChoices], block);
    if (s.min_at >= 0) put_half(block + s.min_at, mins[choices % kChoices]);
  }
}

// Uniform in steps of 1/2048 of the range.
void RandomWeights::fill_floats(TensorType type, double deviation, uint8_t* out, size_t n_bytes) {
  constexpr size_t kSteps = 4096;
  const size_t bytes = type_info(type).block_bytes;
  uint8_t table[kSteps * 4];
  for (size_t i = 0; i < kSteps; ++i) {
    const auto value = static_cast<float>(deviation * std::sqrt(3.0) * ((i + 0.5) / (kSteps / 2) - 1));
    const auto bits = std::bit_cast<uint32_t>(value);
    if (type == TensorType::F32) std::memcpy(table + i * 4, &bits, 4);
    else put_half(table + i * 2, type == TensorType::F16 ? half(value) : static_cast<bf16_bits>(bits >> 16));
  }
  uint64_t word = 0;
  for (size_t i = 0; i * bytes < n_bytes; ++i, word >>= 12) {
    if (i % 4 == 0) word = next();
    std::memcpy(out + i * bytes, table + word % kSteps * bytes, bytes);
  }
}

}  // namespace coterie::bench
