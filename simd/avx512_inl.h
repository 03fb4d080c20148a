// V on AVX-512 F, BW, DQ, VL and VNNI; included by the tables that have these, after unroll_inl.h. Blocks of single rows
// stay in 256-bit registers, where VNNI already outruns memory; panels of rows use 512 bits.

#include "x86_inl.h"

struct V : V256 {
  using V256::dot;
  static Codes fifth_bits(uint32_t b) { return _mm256_maskz_mov_epi8(b, _mm256_set1_epi8(16)); }  // bit i to 16 in byte i
  template <bool kSigned>
  static Dots dot(Codes w, const int8_t* x) {
    if constexpr (kSigned) {  // |w| * (x with the sign of w); |-128| is 128 as a u8
      return _mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm256_abs_epi8(w), _mm256_sign_epi8(load_aligned(x), w));
    } else {
      return _mm256_dpbusd_epi32(_mm256_setzero_si256(), w, load_aligned(x));
    }
  }
  template <int g, bool kSigned>
  static Dots add_scaled(Dots acc, Codes w, const int8_t* x, const Scales& s) {
    __m256i pairs;  // the greatest is 2 * 128 * 127
    if constexpr (kSigned) pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(load_aligned(x), w));
    else pairs = _mm256_maddubs_epi16(w, load_aligned(x));
    return _mm256_dpwssd_epi32(acc, pairs, scale<g>(s));
  }
  // Codes whose signs may go to what they are multiplied by instead.
  struct Negated {
    __m256i magnitudes;
    __mmask32 negative;
    static __m256i negate(__m256i v, __mmask32 m) { return _mm256_mask_sub_epi8(v, m, _mm256_setzero_si256(), v); }
    operator Codes() const { return negate(magnitudes, negative); }
  };
  static Negated negate(Codes w, uint32_t b) { return {w, b}; }  // byte i for bit i
  template <int g, bool>
  static Dots add_scaled(Dots acc, const Negated& w, const int8_t* x, const Scales& s) {
    const __m256i pairs = _mm256_maddubs_epi16(w.magnitudes, Negated::negate(load_aligned(x), w.negative));
    return _mm256_dpwssd_epi32(acc, pairs, scale<g>(s));
  }

  static constexpr int kLanes = 16, kFloatRows = 4, kFloatTokens = 4;
  static constexpr size_t kLeastGemm = 4;
  using Ints = __m512i;
  using Floats = __m512;
  template <class F>
  static constexpr int kBias = F::kSigned ? 128 : 0;
  template <class F>
  static Codes biased(Codes w) {
    return kBias<F> == 0 ? w : _mm256_xor_si256(w, _mm256_set1_epi8(-128));
  }
  static Ints splat_ints(int32_t x) { return _mm512_set1_epi32(x); }
  static Floats load_floats(const float* p) { return _mm512_load_ps(p); }
  static void store(float* p, __m256 a) { _mm256_storeu_ps(p, a); }
  static void store(float* p, __m128 a) { _mm_storeu_ps(p, a); }
  static void store(float* p, Floats a) { _mm512_store_ps(p, a); }
  using V256::fma;
  using V256::mul;
  static Floats mul(Floats a, float b) { return _mm512_mul_ps(a, _mm512_set1_ps(b)); }
  static Floats fma(Floats a, Ints b, Floats c) { return _mm512_fmadd_ps(a, _mm512_cvtepi32_ps(b), c); }
  static Ints add_pairs(Ints acc, const int32_t* pairs, const int16_t* sums) {
    return _mm512_dpwssd_epi32(acc, _mm512_load_si512(pairs), _mm512_set1_epi32(load_dword(sums)));
  }
  template <class F, int kSteps, size_t kVectors, size_t T>
  COTERIE_INLINE static void add_group(Ints (&sum)[kVectors][T], const uint8_t* codes, size_t code_stride,
                                       const int8_t* const (&x)[T], const int32_t* scales, size_t scale_stride) {
    Ints group[kVectors][T];
    for (size_t v = 0; v < kVectors; ++v)
      for (size_t t = 0; t < T; ++t) group[v][t] = scales == nullptr ? sum[v][t] : _mm512_setzero_si512();
    for (int step = 0; step < kSteps; ++step) {
      Ints w[kVectors];
      for (size_t v = 0; v < kVectors; ++v) w[v] = _mm512_load_si512(codes + v * code_stride + 4 * kLanes * step);
      for (size_t t = 0; t < T; ++t) {
        const Ints four = _mm512_set1_epi32(load_dword(x[t] + 4 * step));
        for (size_t v = 0; v < kVectors; ++v) group[v][t] = _mm512_dpbusd_epi32(group[v][t], w[v], four);
      }
    }
    for (size_t v = 0; v < kVectors; ++v) {
      for (size_t t = 0; t < T; ++t) {
        if (scales == nullptr) {
          sum[v][t] = group[v][t];
        } else {
          const Ints scale = _mm512_load_si512(reinterpret_cast<const uint8_t*>(scales) + v * scale_stride);
          sum[v][t] = _mm512_add_epi32(sum[v][t], _mm512_mullo_epi32(group[v][t], scale));
        }
      }
    }
  }
};
