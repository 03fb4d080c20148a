#include "reference.h"

#include <cmath>
#include <cstring>

#include "grids.h"

namespace reference {

using namespace coterie;

double half_value(uint16_t bits) {
  const double sign = bits & 0x8000 ? -1 : 1;
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  if (exponent == 31) return mantissa ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

uint16_t half_bits(double x) {
  if (std::isnan(x)) return 0x7e00;
  const uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  x = std::fabs(x);
  if (x >= 65520) return sign | 0x7c00;
  int exponent = x == 0 ? -14 : std::ilogb(x);
  if (exponent < -14) exponent = -14;
  const int steps = static_cast<int>(std::nearbyint(std::ldexp(x, 10 - exponent)));  // 1024 .. 2048; denormal: from 0
  return static_cast<uint16_t>(sign + (exponent + 14) * 1024 + steps);  // a carry to 2048 moves on to the next exponent
}

namespace {

double half_at(const uint8_t* p) { return half_value(static_cast<uint16_t>(p[0] | p[1] << 8)); }

double float_at(const uint8_t* p) {
  float x;
  std::memcpy(&x, p, 4);
  return x;
}

double brain_at(const uint8_t* p) {
  const uint8_t widened[4] = {0, 0, p[0], p[1]};
  return float_at(widened);
}

// Scale and min of sub-block j of Q4_K and Q5_K, from their 12 bytes.
void scale_and_min(const uint8_t* s, int j, int* scale, int* min) {
  if (j < 4) {
    *scale = s[j] % 64;
    *min = s[j + 4] % 64;
  } else {
    *scale = s[j + 4] % 16 + 16 * (s[j - 4] / 64);
    *min = s[j + 4] / 16 + 16 * (s[j] / 64);
  }
}

// Element e of 32 in sixteen bytes: low nibbles first.
int nibble(const uint8_t* q, int e) { return e < 16 ? q[e] % 16 : q[e - 16] / 16; }

// Element e of 16 in eight bytes likewise.
int nibble_of_eight(const uint8_t* q, int e) { return e < 8 ? q[e] % 16 : q[e - 8] / 16; }

int bit(const uint8_t* p, int i) { return p[i / 8] >> i % 8 & 1; }

// Scale i of the sixteen of Q3_K.
int q3_scale(const uint8_t* s, int i) {
  const int low = i < 8 ? s[i] % 16 : s[i - 8] / 16;
  return low + 16 * (s[8 + i % 4] >> 2 * (i / 4) & 3) - 32;
}

constexpr int kUneven[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
constexpr double kE2M1[8] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};

// Without a sign: the top bit means nothing. 7f, its NaN, is 0 in ggml; with the top bit set it is 480.
double e4m3(int byte) {
  const int exponent = byte / 8 % 16, mantissa = byte % 8;
  if (byte == 0x7f) return 0;
  return exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 10);
}

template <class Grid>
int grid_byte(const Grid& grid, int point, int i) { return static_cast<uint8_t>(grid.point[point] >> 8 * i); }

int iq1_weight(int point, int e) { return grid_byte(kGridIQ1, point, e % 8) / 8 - 1; }

uint32_t word_at(const uint8_t* p) { return p[0] | p[1] << 8 | p[2] << 16 | static_cast<uint32_t>(p[3]) << 24; }

// Seven signs, and an eighth so that the number of minus signs is even.
int seven_signs(uint32_t bits) { return (bits & 127) | __builtin_parity(bits & 127) << 7; }
double with_sign(double x, int signs, int e) { return signs >> e % 8 & 1 ? -x : x; }

double element(TensorType type, const uint8_t* b, int e) {
  const int g = e / 32, l = e % 32 / 8;  // a group of 32, and an eight of it
  switch (type) {
    case TensorType::F32: return float_at(b);
    case TensorType::F16: return half_at(b);
    case TensorType::BF16: return brain_at(b);
    case TensorType::Q4_0: return half_at(b) * (nibble(b + 2, e) - 8);
    case TensorType::Q4_1: return half_at(b) * nibble(b + 4, e) + half_at(b + 2);
    case TensorType::Q5_0: return half_at(b) * (nibble(b + 6, e) + 16 * bit(b + 2, e) - 16);
    case TensorType::Q5_1: return half_at(b) * (nibble(b + 8, e) + 16 * bit(b + 4, e)) + half_at(b + 2);
    case TensorType::IQ4_NL: return half_at(b) * kUneven[nibble(b + 2, e)];
    case TensorType::MXFP4: {
      const int code = nibble(b + 1, e);
      return std::ldexp(code < 8 ? kE2M1[code] : -kE2M1[code - 8], b[0] - 127);
    }
    case TensorType::NVFP4: {
      const int code = nibble_of_eight(b + 4 + e / 16 * 8, e % 16);
      return e4m3(b[e / 16]) * (code < 8 ? kE2M1[code] : -kE2M1[code - 8]);
    }
    case TensorType::Q1_0: return bit(b + 2, e) ? half_at(b) : -half_at(b);
    case TensorType::Q2_0: return half_at(b) * ((b[2 + e / 4] >> 2 * (e % 4) & 3) - 1);
    case TensorType::Q8_0: return half_at(b) * (b[2 + e] < 128 ? b[2 + e] : b[2 + e] - 256);
    case TensorType::Q2_K: {
      const int q = b[16 + e / 128 * 32 + e % 32] >> 2 * (e % 128 / 32) & 3;
      return half_at(b + 80) * (b[e / 16] % 16) * q - half_at(b + 82) * (b[e / 16] / 16);
    }
    case TensorType::Q3_K: {
      const int low = b[32 + e / 128 * 32 + e % 32] >> 2 * (e % 128 / 32) & 3, high = b[e % 32] >> e / 32 & 1;
      return half_at(b + 108) * q3_scale(b + 96, e / 16) * (low + 4 * high - 4);
    }
    case TensorType::Q4_K:
    case TensorType::Q5_K: {
      const int j = e / 32;
      const uint8_t* qs = b + (type == TensorType::Q4_K ? 16 : 48);
      const uint8_t byte = qs[e / 64 * 32 + e % 32];
      int q = j % 2 ? byte / 16 : byte % 16;
      if (type == TensorType::Q5_K) q += 16 * (b[16 + e % 32] >> j & 1);
      int scale, min;
      scale_and_min(b + 4, j, &scale, &min);
      return half_at(b) * scale * q - half_at(b + 2) * min;
    }
    case TensorType::Q6_K: {
      const int half = e / 128, k = e % 128 / 32, l = e % 32;
      const uint8_t byte = b[64 * half + 32 * (k % 2) + l];
      const int low = k < 2 ? byte % 16 : byte / 16;
      const int high = b[128 + 32 * half + l] >> 2 * k & 3;
      const int scale = static_cast<int8_t>(b[192 + e / 16]);
      return half_at(b + 208) * scale * (low + 16 * high - 32);
    }
    case TensorType::IQ4_XS: {
      const int i = e / 32, low = i % 2 ? b[4 + i / 2] / 16 : b[4 + i / 2] % 16;
      const int high = (b[2] + 256 * b[3]) >> 2 * i & 3;
      return half_at(b) * (low + 16 * high - 32) * kUneven[nibble(b + 8 + 16 * i, e % 32)];
    }
    case TensorType::IQ2_XXS: {
      const uint8_t* group = b + 2 + g * 8;
      const uint32_t word = word_at(group + 4);
      const double magnitude = grid_byte(kGridIQ2_XXS, group[l], e % 8);
      return half_at(b) * (0.5 + (word >> 28)) * 0.25 * with_sign(magnitude, seven_signs(word >> 7 * l), e);
    }
    case TensorType::IQ2_XS: {
      const int q = b[2 + e / 8 * 2] | b[3 + e / 8 * 2] << 8, nibble = b[66 + g] >> 4 * (l / 2) & 15;
      return half_at(b) * (0.5 + nibble) * 0.25 * with_sign(grid_byte(kGridIQ2_XS, q % 512, e % 8), seven_signs(q >> 9), e);
    }
    case TensorType::IQ2_S: {
      const int q = b[2 + e / 8] | (b[66 + g] >> 2 * l & 3) << 8, nibble = b[74 + g] >> 4 * (l / 2) & 15;
      return half_at(b) * (0.5 + nibble) * 0.25 * with_sign(grid_byte(kGridIQ2_S, q, e % 8), b[34 + e / 8], e);
    }
    case TensorType::IQ3_XXS: {
      const uint32_t word = word_at(b + 66 + 4 * g);
      const double magnitude = grid_byte(kGridIQ3_XXS, b[2 + e / 4], e % 4);
      return half_at(b) * (0.5 + (word >> 28)) * 0.5 * with_sign(magnitude, seven_signs(word >> 7 * l), e);
    }
    case TensorType::IQ3_S: {
      const int q = b[2 + e / 4] | (b[66 + g] >> e % 32 / 4 & 1) << 8, nibble = b[106 + g / 2] >> 4 * (g % 2) & 15;
      return half_at(b) * (1 + 2 * nibble) * with_sign(grid_byte(kGridIQ3_S, q, e % 4), b[74 + e / 8], e);
    }
    case TensorType::IQ1_S: {
      const int word = b[34 + 2 * g] | b[35 + 2 * g] << 8, q = b[2 + e / 8] | (word >> 3 * l & 7) << 8;
      return half_at(b) * (2 * (word >> 12 & 7) + 1) * (iq1_weight(q, e) + (word >> 15 ? -0.125 : 0.125));
    }
    case TensorType::IQ1_M: {
      const int nibble = b[32 + e / 16] >> 4 * (l % 2) & 15, q = b[e / 8] | (nibble & 7) << 8;
      const int scale = (b[48 + g / 2 * 2] | b[49 + g / 2 * 2] << 8) >> (6 * (g % 2) + 3 * (l / 2)) & 7;
      const double d = half_value(b[49] >> 4 | (b[51] >> 4) << 4 | (b[53] >> 4) << 8 | (b[55] >> 4) << 12);
      return d * (2 * scale + 1) * (iq1_weight(q, e) + (nibble & 8 ? -0.125 : 0.125));
    }
    case TensorType::TQ1_0: {
      const int byte = e < 160 ? b[e % 32] : e < 240 ? b[32 + e % 16] : b[48 + e % 4];
      const int digit = e < 160 ? e / 32 : e < 240 ? (e - 160) / 16 : (e - 240) / 4;
      int shifted = byte;
      for (int i = 0; i < digit; ++i) shifted = shifted * 3 % 256;
      return half_at(b + 52) * (shifted * 3 / 256 - 1);
    }
    case TensorType::TQ2_0: return half_at(b + 64) * ((b[e / 128 * 32 + e % 32] >> 2 * (e % 128 / 32) & 3) - 1);
    default: return NAN;
  }
}

}  // namespace

std::vector<double> dequantize(TensorType type, const uint8_t* row, size_t k) {
  const TypeInfo& info = type_info(type);
  std::vector<double> y(k);
  for (size_t i = 0; i < k; ++i)
    y[i] = element(type, row + i / info.block_elems * info.block_bytes, static_cast<int>(i % info.block_elems));
  return y;
}

Sum dot(const std::vector<double>& w, const std::vector<double>& x) {
  Sum sum = {0, 0};
  for (size_t i = 0; i < w.size(); ++i) {
    sum.value += w[i] * x[i];
    sum.magnitude += std::fabs(w[i] * x[i]);
  }
  return sum;
}

uint32_t crc32(const void* data, size_t n_bytes) {
  const uint8_t* p = static_cast<const uint8_t*>(data);
  uint32_t crc = 0xffffffff;
  for (size_t i = 0; i < n_bytes; ++i) {
    crc ^= p[i];
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

}  // namespace reference
