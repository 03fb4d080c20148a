// Plain C++ for any machine: the complete table that every other one falls back to, and must equal bit for bit.
// No libm but fma, which is exact by definition.
#include "grids.h"
#include "kernels.h"

namespace coterie {
namespace scalar {
namespace {

uint32_t bits_of(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}

float float_of(uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

float from_half(f16_bits h) {
  const uint32_t sign = (h & 0x8000u) << 16, exponent = h >> 10 & 31, mantissa = h & 1023;
  if (exponent == 0) return float_of(sign | bits_of(static_cast<float>(mantissa) * 0x1p-24f));
  if (exponent < 31) return float_of(sign | (exponent + 112) << 23 | mantissa << 13);
  return float_of(sign | 0x7f800000 | mantissa << 13 | (mantissa ? 0x400000 : 0));  // NaNs become quiet, keep payload
}

// To nearest even. Every NaN becomes 7e00, since the sign of a NaN made by arithmetic differs between machines.
f16_bits to_half(float x) {
  const uint32_t sign = bits_of(x) >> 16 & 0x8000, magnitude = bits_of(x) & 0x7fffffff;
  if (magnitude > 0x7f800000) return 0x7e00;
  if (magnitude >= 0x477ff000) return static_cast<f16_bits>(sign | 0x7c00);  // from 65520 on: infinity
  if (magnitude < 0x38800000)  // below 2^-14: 0.5 has the ulp 2^-24, so this adds and rounds in units of that
    return static_cast<f16_bits>(sign | (bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f)));
  const uint32_t odd = magnitude >> 13 & 1;
  return static_cast<f16_bits>(sign | ((magnitude - (112u << 23) + 0xfff + odd) >> 13));
}

struct Lanes {
  float v[16];
};

template <class Op>
Lanes each(const Op& op) {
  Lanes r;
  for (int l = 0; l < 16; ++l) r.v[l] = op(l);
  return r;
}

Lanes load(const float* p) { return each([=](int l) { return p[l]; }); }
Lanes load(const Single* p) { return each([=](int l) { return p[l].value; }); }
Lanes load(const Half* p) { return each([=](int l) { return from_half(p[l].bits); }); }
Lanes load(const Brain* p) { return each([=](int l) { return float_of(static_cast<uint32_t>(p[l].bits) << 16); }); }
void store(float* p, Lanes a) { __builtin_memcpy(p, a.v, sizeof a); }
void store(Half* p, Lanes a) {
  for (int l = 0; l < 16; ++l) p[l].bits = to_half(a.v[l]);
}
Lanes splat(float x) { return each([=](int) { return x; }); }
Lanes operator+(const Lanes& a, const Lanes& b) { return each([&](int l) { return a.v[l] + b.v[l]; }); }
Lanes operator-(const Lanes& a, const Lanes& b) { return each([&](int l) { return a.v[l] - b.v[l]; }); }
Lanes operator*(const Lanes& a, const Lanes& b) { return each([&](int l) { return a.v[l] * b.v[l]; }); }
Lanes operator/(const Lanes& a, const Lanes& b) { return each([&](int l) { return a.v[l] / b.v[l]; }); }
Lanes fma(const Lanes& a, const Lanes& b, const Lanes& c) {
  return each([&](int l) { return __builtin_fmaf(a.v[l], b.v[l], c.v[l]); });
}
Lanes greater(const Lanes& a, const Lanes& b) { return each([&](int l) { return a.v[l] > b.v[l] ? a.v[l] : b.v[l]; }); }
Lanes lesser(const Lanes& a, const Lanes& b) { return each([&](int l) { return a.v[l] < b.v[l] ? a.v[l] : b.v[l]; }); }
Lanes shift_to_exponent(const Lanes& a) { return each([&](int l) { return float_of(bits_of(a.v[l]) << 23); }); }
float fold(Lanes a) {
  for (int half = 8; half; half /= 2)
    for (int l = 0; l < half; ++l) a.v[l] += a.v[l + half];
  return a.v[0];
}
void store_int8(int8_t* p, const Lanes& a) {  // adding 1.5 * 2^23 rounds half to even, the integer in the low bits
  for (int l = 0; l < 16; ++l) p[l] = static_cast<int8_t>(bits_of(a.v[l] + 0x1.8p23f));
}

Lanes load_int8(const int8_t* p) { return each([=](int l) { return static_cast<float>(p[l]); }); }

#include "float_inl.h"

#include "unroll_inl.h"

constexpr int kSums = 4, kColumns = 1;
#include "attention_inl.h"

struct V {
  static constexpr int kRows32 = 1, kRows256 = 1;
  struct Codes { uint64_t word[4]; };  // little-endian
  struct Groups { int8_t v[16]; };
  using Scales = Groups;
  using Words = Groups;
  struct Sums { int16_t v[16]; };
  using Dots = int32_t;

  static void prefetch(const void*) {}

  static constexpr uint64_t each_byte(uint64_t b) { return b * 0x0101010101010101; }
  static Codes load(const void* p) {
    Codes r;
    __builtin_memcpy(&r, p, 32);
    return r;
  }
  static Codes quads(uint64_t a, uint64_t b, uint64_t c, uint64_t d) { return {{a, b, c, d}}; }  // eight bytes each
  static Codes eights(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t g, uint64_t h) {
    return {{a | b << 32, c | d << 32, e | f << 32, g | h << 32}};
  }
  static Codes negate(const Codes& w, uint32_t b) {  // byte i for bit i
    int8_t v[32];
    __builtin_memcpy(v, w.word, 32);
    for (int i = 0; i < 32; ++i) v[i] = static_cast<int8_t>(b >> i & 1 ? -v[i] : v[i]);
    return load(v);
  }
  static Codes nibbles(const uint8_t* p) {  // the low ones of 16 bytes, then the high ones
    uint64_t b[2];
    __builtin_memcpy(b, p, 16);
    return {{b[0] & each_byte(15), b[1] & each_byte(15), b[0] >> 4 & each_byte(15), b[1] >> 4 & each_byte(15)}};
  }
  static Codes nibbles_of_eight(const uint8_t* p) {  // the low ones of 8 bytes, then their high ones; then of 8 more
    const Codes n = nibbles(p);
    return {{n.word[0], n.word[2], n.word[1], n.word[3]}};
  }
  static Codes crumbs(const uint8_t* p) {  // the four pairs of bits of each of 8 bytes
    uint8_t v[32];
    for (int i = 0; i < 32; ++i) v[i] = p[i / 4] >> i % 4 * 2 & 3;
    return load(v);
  }
  template <int kBit>
  static Codes spread(uint32_t b) {  // bit i to kBit in byte i
    Codes r;
    for (int i = 0; i < 4; ++i) {
      const uint64_t bits = each_byte(b >> 8 * i & 0xff) & 0x8040201008040201;
      r.word[i] = ((bits + each_byte(0x7f)) >> 7 & each_byte(1)) * kBit;
    }
    return r;
  }
  template <int kShift, int kMask>
  static Codes bits(Codes a) {  // (a >> kShift) & kMask in each byte; the mask removes what a neighbour shifted in
    for (uint64_t& w : a.word) w = (kShift < 0 ? w << (-kShift & 7) : w >> (kShift & 7)) & each_byte(kMask);
    return a;
  }
  static Codes lookup(const int8_t (&table)[16], const Codes& i) {
    uint8_t index[32];
    int8_t value[32];
    __builtin_memcpy(index, i.word, 32);
    for (int j = 0; j < 32; ++j) value[j] = table[index[j]];
    return load(value);
  }
  static Codes digits(const Codes& bytes, const uint8_t (&powers)[32]) {
    uint8_t v[32];
    __builtin_memcpy(v, bytes.word, 32);
    for (int i = 0; i < 32; ++i) v[i] = static_cast<uint8_t>((v[i] * powers[i] & 255) * 3 >> 8);
    return load(v);
  }
  static Codes either(Codes a, const Codes& b) {
    for (int i = 0; i < 4; ++i) a.word[i] |= b.word[i];
    return a;
  }

  template <bool kSigned>
  struct Bytes {
    uint8_t v[32];
    explicit Bytes(const Codes& codes) { __builtin_memcpy(v, codes.word, 32); }
    int32_t operator[](int i) const { return kSigned ? static_cast<int8_t>(v[i]) : v[i]; }
    int32_t dot(const int8_t* x, int from, int to) const {
      int32_t sum = 0;
      for (int i = from; i < to; ++i) sum += (*this)[i] * x[i];
      return sum;
    }
  };
  template <bool kSigned>
  static Dots dot(const Codes& w, const int8_t* x) { return Bytes<kSigned>(w).dot(x, 0, 32); }
  struct Sides { int32_t first, last; };
  template <bool kSigned>
  static Sides dot_sides(const Codes& w, const int8_t* x) {
    const Bytes<kSigned> codes(w);
    return {codes.dot(x, 0, 16), codes.dot(x, 16, 32)};
  }
  template <int g, bool kSigned>
  static Dots add_scaled(Dots acc, const Codes& w, const int8_t* x, const Scales& scales) {
    const Bytes<kSigned> codes(w);
    return acc + codes.dot(x, 0, 16) * scales.v[2 * g] + codes.dot(x, 16, 32) * scales.v[2 * g + 1];
  }
  static Groups groups(const void* p) {
    Groups r;
    __builtin_memcpy(&r, p, sizeof r);
    return r;
  }
  static Groups groups(uint64_t first, uint64_t last) {
    Groups r;
    __builtin_memcpy(r.v, &first, 8);
    __builtin_memcpy(r.v + 8, &last, 8);
    return r;
  }
  template <int kShift, int kMask>
  static Groups bits(Groups a) {
    for (int8_t& v : a.v) v = static_cast<int8_t>(static_cast<uint8_t>(v) >> kShift & kMask);
    return a;
  }
  static Groups doubled(uint64_t eight) {  // each byte twice
    Groups r;
    for (int i = 0; i < 16; ++i) r.v[i] = static_cast<int8_t>(eight >> i / 2 * 8);
    return r;
  }
  static const Scales& scales(const Groups& g) { return g; }
  static const Words& words(const Groups& g) { return g; }
  static Sums sums(const int16_t* sum16) {
    Sums r;
    __builtin_memcpy(&r, sum16, sizeof r);
    return r;
  }
  static Dots dot(const Words& a, const Sums& b) {
    int32_t sum = 0;
    for (int i = 0; i < 16; ++i) sum += a.v[i] * b.v[i];
    return sum;
  }
  template <int kZero>
  static Dots zeros(const Groups& scales, const Sums& sums) {
    return kZero == 0 ? 0 : -kZero * dot(scales, sums);
  }

  static int32_t reduce(const Dots (&a)[1]) { return a[0]; }
  static Sides reduce_sides(const Sides (&a)[1]) { return a[0]; }
  static int32_t sub(int32_t a, int32_t b) { return a - b; }
  template <int, class Get>
  static float halves(const Get& get) { return from_half(get(0)); }
  template <int, class Get>
  static float powers(const Get& get) {  // 2^(e - 128) for the byte e, in two factors of which none is denormal
    const uint32_t e = get(0);
    return float_of((e / 2 + 63) << 23) * float_of((e - e / 2 + 63) << 23);
  }
  template <int, class Get>
  static float e4m3(const Get& get, int i) {  // byte i of four as a half with the same fields, without its top bit; 7f: 0
    const uint32_t byte = get(0) >> 8 * i & 255;
    return byte == 0x7f ? 0 : from_half(static_cast<f16_bits>((byte & 0x7f) << 7));
  }
  template <int>
  static float zero() { return 0; }
  static float mul(float a, float b) { return a * b; }
  static float fma(float a, int32_t b, float c) { return __builtin_fmaf(a, static_cast<float>(b), c); }
  static void store(float* p, float a) { *p = a; }
};

#include "codecs_inl.h"

#include "blocks_inl.h"

#include "gemv_inl.h"

// Values of single weights, in the order of operations of the formats' definition. Only here: rows of the token
// embedding are few.
template <class F>
void dequantize(float* y, const ActBlock32*, const typename F::Block& b) {
  for (int part = 0; part < F::kParts; ++part) {
    const auto block = [&](int) -> decltype(auto) { return F::part(b, part); };
    const V::Bytes<F::kSigned> codes(F::template codes<V>(block(0)));
    float d = F::template d<1>(block);
    for (int i = 0; i < 32; ++i) {
      if constexpr (F::kGroup == 16)
        if (i == 16) d = F::template last_d<1>(block);
      *y = static_cast<float>(codes[i] - F::kZero) * d;
      if constexpr (F::kMins) *y += F::template m<1>(block);
      ++y;
    }
  }
}

template <class F>
void dequantize(float* y, const ActBlock256*, const typename F::Block& b) {
  const auto block = [&](int) -> const typename F::Block& { return b; };
  const V::Groups scales = F::scales(b);
  const typename F::Source source = F::source(b);
  const float d = F::template d<1>(block);
  unroll<8>([&](auto g) {
    const V::Bytes<F::kSigned> codes(F::template codes<V, g.value>(source));
    for (int i = 0; i < 32; ++i) {
      const int group = 2 * g.value + i / 16;
      const float scaled = d * scales.v[group] * static_cast<float>(codes[i] - F::kZero);
      if constexpr (F::kMins) *y++ = scaled - F::template dmin<1>(block) * F::mins(b).v[group];
      else *y++ = scaled;
    }
  });
}

template <class F>
void dequantize_row(float* y, const void* row, size_t k) {
  constexpr size_t kBlock = sizeof(F::Act::q) * F::kParts;
  const auto* b = static_cast<const typename F::Block*>(row);
  for (; k; k -= kBlock, ++b, y += kBlock) dequantize<F>(y, static_cast<const typename F::Act*>(nullptr), *b);
}

template <class T>
void dequantize_float(float* y, const void* row, size_t k) {
  map(y, k, [](const Lanes& x) { return x; }, static_cast<const T*>(row));
}

// One vector after the other: the definition of the result.
template <GemvFn fn>
void gemm_by_gemv(float* const* y, const void* w, size_t row_bytes, size_t k, const void* const* x, size_t n,
                  size_t row0, size_t row1) {
  for (size_t i = 0; i < n; ++i) fn(y[i], w, row_bytes, k, x[i], row0, row1);
}
template <class F>
constexpr GemmFn gemm = gemm_by_gemv<gemv<F>>;
template <class T>
constexpr GemmFn gemm_float = gemm_by_gemv<gemv_float<T>>;

#include "table_inl.h"

template <class... F>
constexpr void add_dequantisers(Kernels& k, List<F...>) {
  ((k.dequantize[slot(F::kType)] = dequantize_row<F>), ...);
}

constexpr Kernels make_complete_kernels() {
  Kernels k = make_kernels("scalar");
  k.task_macs = size_t{1} << 23;  // the slowest formats do 0.7 a nanosecond
  k.dequantize[slot(TensorType::F32)] = dequantize_float<Single>;
  k.dequantize[slot(TensorType::F16)] = dequantize_float<Half>;
  k.dequantize[slot(TensorType::BF16)] = dequantize_float<Brain>;
  add_dequantisers(k, Formats{});
  return k;
}

}  // namespace
}  // namespace scalar

extern const Kernels kernels_scalar;
constinit const Kernels kernels_scalar = scalar::make_complete_kernels();

}  // namespace coterie
