// Lanes and V on 64-bit Arm with the dot product instructions (ASIMDDP, Armv8.2); included by the tables that have these,
// inside their anonymous namespaces.

struct Lanes {
  float32x4_t v[4];
};

template <class Op>
Lanes each(const Op& op) {
  return {{op(0), op(1), op(2), op(3)}};
}

Lanes load(const float* p) {
  return each([=](int i) { return vld1q_f32(p + 4 * i); });
}
Lanes load(const Single* p) {
  return each([=](int i) { return vreinterpretq_f32_u8(vld1q_u8(reinterpret_cast<const uint8_t*>(p + 4 * i))); });
}
uint16x8_t load_words(const void* p) { return vreinterpretq_u16_u8(vld1q_u8(static_cast<const uint8_t*>(p))); }
Lanes load(const Half* p) {
  const float16x8_t low = vreinterpretq_f16_u16(load_words(p)), high = vreinterpretq_f16_u16(load_words(p + 8));
  return {{vcvt_f32_f16(vget_low_f16(low)), vcvt_high_f32_f16(low), vcvt_f32_f16(vget_low_f16(high)),
           vcvt_high_f32_f16(high)}};
}
Lanes load(const Brain* p) {
  const uint16x8_t low = load_words(p), high = load_words(p + 8);
  return {{vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(low), 16)), vreinterpretq_f32_u32(vshll_high_n_u16(low, 16)),
           vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(high), 16)),
           vreinterpretq_f32_u32(vshll_high_n_u16(high, 16))}};
}
void store(float* p, Lanes a) {
  for (int i = 0; i < 4; ++i) vst1q_f32(p + 4 * i, a.v[i]);
}
void store_halves(Half* p, float32x4_t low, float32x4_t high) {
  const uint16x8_t h = vreinterpretq_u16_f16(vcvt_high_f16_f32(vcvt_f16_f32(low), high));
  const uint16x8_t nan = vcgtq_u16(vandq_u16(h, vdupq_n_u16(0x7fff)), vdupq_n_u16(0x7c00));
  vst1q_u8(reinterpret_cast<uint8_t*>(p), vreinterpretq_u8_u16(vbslq_u16(nan, vdupq_n_u16(0x7e00), h)));
}
void store(Half* p, Lanes a) { store_halves(p, a.v[0], a.v[1]), store_halves(p + 8, a.v[2], a.v[3]); }
Lanes splat(float x) {
  return each([=](int) { return vdupq_n_f32(x); });
}
Lanes operator+(const Lanes& a, const Lanes& b) {
  return each([&](int i) { return vaddq_f32(a.v[i], b.v[i]); });
}
Lanes operator-(const Lanes& a, const Lanes& b) {
  return each([&](int i) { return vsubq_f32(a.v[i], b.v[i]); });
}
Lanes operator*(const Lanes& a, const Lanes& b) {
  return each([&](int i) { return vmulq_f32(a.v[i], b.v[i]); });
}
Lanes operator/(const Lanes& a, const Lanes& b) {
  return each([&](int i) { return vdivq_f32(a.v[i], b.v[i]); });
}
Lanes fma(const Lanes& a, const Lanes& b, const Lanes& c) {
  return each([&](int i) { return vfmaq_f32(c.v[i], a.v[i], b.v[i]); });
}
Lanes greater(const Lanes& a, const Lanes& b) {
  return each([&](int i) { return vbslq_f32(vcgtq_f32(a.v[i], b.v[i]), a.v[i], b.v[i]); });
}
Lanes lesser(const Lanes& a, const Lanes& b) {
  return each([&](int i) { return vbslq_f32(vcltq_f32(a.v[i], b.v[i]), a.v[i], b.v[i]); });
}
Lanes shift_to_exponent(const Lanes& a) {
  return each([&](int i) { return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(a.v[i]), 23)); });
}
float fold(const Lanes& a) {
  const float32x4_t four = vaddq_f32(vaddq_f32(a.v[0], a.v[2]), vaddq_f32(a.v[1], a.v[3]));
  const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
  return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}
int16x8_t round_to_words(float32x4_t low, float32x4_t high) {
  return vqmovn_high_s32(vqmovn_s32(vcvtnq_s32_f32(low)), vcvtnq_s32_f32(high));
}
void store_int8(int8_t* p, const Lanes& a) {
  vst1q_s8(p, vqmovn_high_s16(vqmovn_s16(round_to_words(a.v[0], a.v[1])), round_to_words(a.v[2], a.v[3])));
}

Lanes load_int8(const int8_t* p) {
  const int8x16_t v = vld1q_s8(p);
  const int16x8_t low = vmovl_s8(vget_low_s8(v)), high = vmovl_high_s8(v);
  return {{vcvtq_f32_s32(vmovl_s16(vget_low_s16(low))), vcvtq_f32_s32(vmovl_high_s16(low)),
           vcvtq_f32_s32(vmovl_s16(vget_low_s16(high))), vcvtq_f32_s32(vmovl_high_s16(high))}};
}
float from_half(f16_bits h) { return vgetq_lane_f32(vcvt_f32_f16(vreinterpret_f16_u16(vdup_n_u16(h))), 0); }
f16_bits to_half(float x) {
  return x == x ? vget_lane_u16(vreinterpret_u16_f16(vcvt_f16_f32(vdupq_n_f32(x))), 0) : f16_bits{0x7e00};
}

#include "float_inl.h"

#include "unroll_inl.h"

constexpr int kSums = 4, kColumns = 1;
#include "attention_inl.h"

struct VNeon {
  static constexpr int kRows32 = 4, kRows256 = 4;
  struct Codes { int8x16_t low, high; };
  using Groups = int8x16_t;
  struct Words { int16x8_t v[2]; };
  struct Scales { int32x4_t v[4]; };
  using Sums = Words;
  using Dots = int32x4_t;

  // As assembler: gcc 12 leaves out calls of a function that does nothing but prefetch.
  static void prefetch(const void* p) {
    __asm__ volatile("prfm pldl1keep, [%0]" : : "r"(p));
  }

  static Codes load(const void* p) {
    return {vld1q_s8(static_cast<const int8_t*>(p)), vld1q_s8(static_cast<const int8_t*>(p) + 16)};
  }
  static Codes quads(uint64_t a, uint64_t b, uint64_t c, uint64_t d) { return {groups(a, b), groups(c, d)}; }
  static Codes eights(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t g, uint64_t h) {
    return quads(a | b << 32, c | d << 32, e | f << 32, g | h << 32);
  }
  static Codes nibbles(const uint8_t* p) {
    const uint8x16_t v = vld1q_u8(p);
    return {vreinterpretq_s8_u8(vandq_u8(v, vdupq_n_u8(15))), vreinterpretq_s8_u8(vshrq_n_u8(v, 4))};
  }
  static Codes nibbles_of_eight(const uint8_t* p) {  // the low ones of 8 bytes, then their high ones; then of 8 more
    const Codes n = nibbles(p);
    const int64x2_t low = vreinterpretq_s64_s8(n.low), high = vreinterpretq_s64_s8(n.high);
    return {vreinterpretq_s8_s64(vzip1q_s64(low, high)), vreinterpretq_s8_s64(vzip2q_s64(low, high))};
  }
  static Codes crumbs(const uint8_t* p) {  // the four pairs of bits of each of 8 bytes
    const uint8x8_t v = vld1_u8(p);
    const uint8x16_t twice = vcombine_u8(vzip1_u8(v, v), vzip2_u8(v, v));
    const int8x16_t right = vreinterpretq_s8_u32(vdupq_n_u32(0xfafcfe00));  // 0, -2, -4, -6
    const uint8x16_t low = vshlq_u8(vzip1q_u8(twice, twice), right), high = vshlq_u8(vzip2q_u8(twice, twice), right);
    return bits<0, 3>(Codes{vreinterpretq_s8_u8(low), vreinterpretq_s8_u8(high)});
  }
  static int8x16_t spread(uint32_t b) {  // bit i to all bits of byte i
    const uint8x16_t bit_of = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201));
    const uint8x8_t low = vdup_n_u8(static_cast<uint8_t>(b)), high = vdup_n_u8(static_cast<uint8_t>(b >> 8));
    return vreinterpretq_s8_u8(vtstq_u8(vcombine_u8(low, high), bit_of));
  }
  template <int kBit>
  static Codes spread(uint32_t b) {  // or, of 32, to kBit
    return {vandq_s8(spread(b), vdupq_n_s8(kBit)), vandq_s8(spread(b >> 16), vdupq_n_s8(kBit))};
  }
  static int8x16_t negate(int8x16_t w, int8x16_t where) { return vsubq_s8(veorq_s8(w, where), where); }
  static Codes negate(Codes w, uint32_t b) { return {negate(w.low, spread(b)), negate(w.high, spread(b >> 16))}; }
  template <int kShift, int kMask>
  static int8x16_t bits(int8x16_t a) {
    uint8x16_t v = vreinterpretq_u8_s8(a);
    if constexpr (kShift > 0) v = vshrq_n_u8(v, kShift);
    if constexpr (kShift < 0) v = vshlq_n_u8(v, -kShift);
    return vreinterpretq_s8_u8(vandq_u8(v, vdupq_n_u8(kMask)));
  }
  template <int kShift, int kMask>
  static Codes bits(Codes a) {
    return {bits<kShift, kMask>(a.low), bits<kShift, kMask>(a.high)};
  }
  static Codes lookup(const int8_t (&table)[16], Codes i) {
    const int8x16_t t = vld1q_s8(table);
    return {vqtbl1q_s8(t, vreinterpretq_u8_s8(i.low)), vqtbl1q_s8(t, vreinterpretq_u8_s8(i.high))};
  }
  static int8x16_t digits(int8x16_t bytes, const uint8_t* powers) {  // (byte * power & 255) * 3 >> 8
    const uint8x16_t v = vmulq_u8(vreinterpretq_u8_s8(bytes), vld1q_u8(powers));
    const uint8x16_t ones = vcgtq_u8(v, vdupq_n_u8(85)), twos = vcgtq_u8(v, vdupq_n_u8(170));  // 255 where true
    return vnegq_s8(vreinterpretq_s8_u8(vaddq_u8(ones, twos)));
  }
  static Codes digits(Codes bytes, const uint8_t (&powers)[32]) {
    return {digits(bytes.low, powers), digits(bytes.high, powers + 16)};
  }
  static Codes either(Codes a, Codes b) { return {vorrq_s8(a.low, b.low), vorrq_s8(a.high, b.high)}; }

  template <bool kSigned>  // or not: codes are less than 128
  static Dots dot(Codes w, const int8_t* x) {
    return vdotq_s32(vdotq_s32(vdupq_n_s32(0), w.low, vld1q_s8(x)), w.high, vld1q_s8(x + 16));
  }
  struct Sides { int32x4_t first, last; };
  template <bool kSigned>
  static Sides dot_sides(Codes w, const int8_t* x) {
    return {vdotq_s32(vdupq_n_s32(0), w.low, vld1q_s8(x)), vdotq_s32(vdupq_n_s32(0), w.high, vld1q_s8(x + 16))};
  }
  template <int g, bool kSigned>
  static Dots add_scaled(Dots acc, Codes w, const int8_t* x, const Scales& s) {
    const int32x4_t low = vdotq_s32(vdupq_n_s32(0), w.low, vld1q_s8(x));
    const int32x4_t high = vdotq_s32(vdupq_n_s32(0), w.high, vld1q_s8(x + 16));
    acc = vmlaq_laneq_s32(acc, low, s.v[g / 2], g % 2 * 2);
    return vmlaq_laneq_s32(acc, high, s.v[g / 2], g % 2 * 2 + 1);
  }
  static Groups groups(const void* p) { return vld1q_s8(static_cast<const int8_t*>(p)); }
  static Groups groups(uint64_t first, uint64_t last) {
    return vreinterpretq_s8_u64(vcombine_u64(vcreate_u64(first), vcreate_u64(last)));
  }
  static Groups doubled(uint64_t eight) {  // each byte twice
    const int8x16_t v = vreinterpretq_s8_u64(vdupq_n_u64(eight));
    return vzip1q_s8(v, v);
  }
  static Words words(Groups g) { return {{vmovl_s8(vget_low_s8(g)), vmovl_high_s8(g)}}; }
  static Scales scales(Groups g) {
    const Words s = words(g);
    return {{vmovl_s16(vget_low_s16(s.v[0])), vmovl_high_s16(s.v[0]), vmovl_s16(vget_low_s16(s.v[1])),
             vmovl_high_s16(s.v[1])}};
  }
  static Sums sums(const int16_t* sum16) { return {{vld1q_s16(sum16), vld1q_s16(sum16 + 8)}}; }
  static Dots dot(const Words& a, const Sums& b) {
    int32x4_t acc = vmull_s16(vget_low_s16(a.v[0]), vget_low_s16(b.v[0]));
    acc = vmlal_high_s16(acc, a.v[0], b.v[0]);
    acc = vmlal_s16(acc, vget_low_s16(a.v[1]), vget_low_s16(b.v[1]));
    return vmlal_high_s16(acc, a.v[1], b.v[1]);
  }
  template <int kZero>
  static Dots zeros(Groups scales, const Sums& sums) {
    if constexpr (kZero == 0) return vdupq_n_s32(0);
    else return vmulq_n_s32(dot(words(scales), sums), -kZero);
  }

  static int32x4_t reduce(const Dots (&a)[4]) { return vpaddq_s32(vpaddq_s32(a[0], a[1]), vpaddq_s32(a[2], a[3])); }
  static Sides reduce_sides(const Sides (&a)[4]) {
    return {reduce({a[0].first, a[1].first, a[2].first, a[3].first}),
            reduce({a[0].last, a[1].last, a[2].last, a[3].last})};
  }
  static int32x4_t sub(int32x4_t a, int32_t b) { return vsubq_s32(a, vdupq_n_s32(b)); }
  template <int, class Get>
  static float32x4_t halves(const Get& get) {
    const f16_bits h[4] = {get(0), get(1), get(2), get(3)};
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(h)));
  }
  template <int, class Get>
  static float32x4_t powers(const Get& get) {  // 2^(e - 128) for each byte e, in two factors of which none is denormal
    const uint32_t e[4] = {get(0), get(1), get(2), get(3)};
    const uint32x4_t all = vld1q_u32(e), half = vshrq_n_u32(all, 1), bias = vdupq_n_u32(63);
    return vmulq_f32(vreinterpretq_f32_u32(vshlq_n_u32(vaddq_u32(half, bias), 23)),
                     vreinterpretq_f32_u32(vshlq_n_u32(vaddq_u32(vsubq_u32(all, half), bias), 23)));
  }
  template <int, class Get>
  static float32x4_t e4m3(const Get& get, int i) {  // byte i of four as a half with its fields, without the top bit; 7f: 0
    const uint32_t fours[4] = {get(0), get(1), get(2), get(3)};
    const uint8x16_t bytes = vreinterpretq_u8_u32(vld1q_u32(fours));
    const uint32x4_t numbers = vreinterpretq_u32_u8(vbicq_u8(bytes, vceqq_u8(bytes, vdupq_n_u8(0x7f))));
    const uint32x4_t fields = vandq_u32(vshlq_u32(numbers, vdupq_n_s32(7 - 8 * i)), vdupq_n_u32(0x7f << 7));
    return vcvt_f32_f16(vreinterpret_f16_u16(vmovn_u32(fields)));
  }
  template <int>
  static float32x4_t zero() { return vdupq_n_f32(0); }
  static float32x4_t mul(float32x4_t a, float b) { return vmulq_n_f32(a, b); }
  static float32x4_t fma(float32x4_t a, int32x4_t b, float32x4_t c) { return vfmaq_f32(c, a, vcvtq_f32_s32(b)); }
  static float32x4_t fma(float32x4_t a, int32_t b, float32x4_t c) { return fma(a, vdupq_n_s32(b), c); }
  static void store(float* p, float32x4_t a) { vst1q_f32(p, a); }

  static constexpr int kLanes = 4, kPack = 4, kFloatRows = 2, kFloatTokens = 2;
  static constexpr bool kConvertsFloats = false;
  template <class>
  static constexpr int kTogether = 4;
  static constexpr int kFewer = 4;
  static constexpr size_t kLeastGemm = 4;
  template <class F>
  static constexpr bool kCentred = false;
  template <class F>
  static void starts(int32_t (&)[64], const ActBlock256&) {}
  using Ints = int32x4_t;
  using Column = int32x4_t;
  static constexpr bool kTransposesBlocks = false;
  using Floats = float32x4_t;
  template <class F>
  static constexpr int kBias = 0;
  template <class F>
  static Codes biased(Codes w) { return w; }
  static Ints splat_ints(int32_t x) { return vdupq_n_s32(x); }
  static Floats load_floats(const float* p) { return vld1q_f32(p); }
  static Codes join(Groups a, Groups b) { return {a, b}; }
  static void store(int32_t* p, Ints a) { vst1q_s32(p, a); }
  template <int a, int b, int kFactor>
  static Ints int16s(Ints v) {
    const int32x4_t first = vshrq_n_s32(vshlq_n_s32(v, 24 - 8 * a), 24), last = vshlq_n_s32(v, 24 - 8 * b);
    const int16x8_t words = vreinterpretq_s16_s32(vsliq_n_s32(first, vshrq_n_s32(last, 24), 16));
    return vreinterpretq_s32_s16(vmulq_n_s16(words, kFactor));
  }
  template <class, int i>
  static Ints panel_scale(Ints v) { return vshrq_n_s32(vshlq_n_s32(v, 24 - 8 * i), 24); }
  static void add_neighbours(const int16_t* sum16, int16_t* sums) {
    vst1q_s16(sums, vpaddq_s16(vld1q_s16(sum16), vld1q_s16(sum16 + 8)));
  }
  static void transpose(int8x16_t r0, int8x16_t r1, int8x16_t r2, int8x16_t r3, Column* column) {
    const int32x4x2_t a = vtrnq_s32(vreinterpretq_s32_s8(r0), vreinterpretq_s32_s8(r1));
    const int32x4x2_t b = vtrnq_s32(vreinterpretq_s32_s8(r2), vreinterpretq_s32_s8(r3));
    for (int i = 0; i < 2; ++i) {
      const int64x2_t top = vreinterpretq_s64_s32(a.val[i]), bottom = vreinterpretq_s64_s32(b.val[i]);
      column[i] = vreinterpretq_s32_s64(vtrn1q_s64(top, bottom));
      column[i + 2] = vreinterpretq_s32_s64(vtrn2q_s64(top, bottom));
    }
  }
  // Dword j of each of four rows to column[j].
  static void transpose(const Codes (&row)[4], Column (&column)[8]) {
    transpose(row[0].low, row[1].low, row[2].low, row[3].low, column);
    transpose(row[0].high, row[1].high, row[2].high, row[3].high, column + 4);
  }
  static void transpose(const Codes (&row)[4], uint8_t* out, size_t stride) {  // to out + j * stride
    Column column[8];
    transpose(row, column);
    for (int j = 0; j < 8; ++j) vst1q_u8(out + j * stride, vreinterpretq_u8_s32(column[j]));
  }
  static Ints add_pairs(Ints acc, const int32_t* pairs, const int16_t* sums) {
    int32_t two;
    __builtin_memcpy(&two, sums, 4);
    const int16x8_t p = vreinterpretq_s16_s32(vld1q_s32(pairs)), s = vreinterpretq_s16_s32(vdupq_n_s32(two));
    return vaddq_s32(acc, vpaddq_s32(vmull_s16(vget_low_s16(p), vget_low_s16(s)), vmull_high_s16(p, s)));
  }
  template <class F, int kSteps, size_t kVectors, size_t T>
  COTERIE_INLINE static void add_group(Ints (&sum)[kVectors][T], const uint8_t* codes, size_t code_stride,
                                       const int8_t* const (&x)[T], const int32_t* scales, size_t scale_stride,
                                       const int32_t (*)[64], int) {
    Ints group[kVectors][T];
    for (size_t v = 0; v < kVectors; ++v)
      for (size_t t = 0; t < T; ++t) group[v][t] = scales == nullptr ? sum[v][t] : vdupq_n_s32(0);
    for (int from = 0; from < kSteps; from += 4) {
      int8x16_t xs[T];
      for (size_t t = 0; t < T; ++t) xs[t] = vld1q_s8(x[t] + 4 * from);
      unroll<4>([&](auto step) {
        for (size_t v = 0; v < kVectors; ++v) {
          const uint8_t* at = codes + v * code_stride + 4 * kLanes * (from + step.value);
          const int8x16_t w = vld1q_s8(reinterpret_cast<const int8_t*>(at));
          for (size_t t = 0; t < T; ++t) group[v][t] = vdotq_laneq_s32(group[v][t], w, xs[t], step.value);
        }
      });
    }
    for (size_t v = 0; v < kVectors; ++v) {
      for (size_t t = 0; t < T; ++t) {
        if (scales == nullptr) sum[v][t] = group[v][t];
        else sum[v][t] = vmlaq_s32(sum[v][t], group[v][t], vld1q_s32(scales + v * scale_stride / sizeof(int32_t)));
      }
    }
  }
};
