// AVX2 with FMA and F16C.
#include <immintrin.h>

#include "grids.h"
#include "kernels.h"

namespace coterie {
namespace avx2 {
namespace {

struct Lanes {
  __m256 low, high;
};

Lanes load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
Lanes load(const Single* p) { return load(reinterpret_cast<const float*>(p)); }
Lanes load(const Half* p) {
  const __m128i* h = reinterpret_cast<const __m128i*>(p);
  return {_mm256_cvtph_ps(_mm_loadu_si128(h)), _mm256_cvtph_ps(_mm_loadu_si128(h + 1))};
}
__m256 widen(__m128i brains) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(brains), 16)); }
Lanes load(const Brain* p) {
  const __m128i* b = reinterpret_cast<const __m128i*>(p);
  return {widen(_mm_loadu_si128(b)), widen(_mm_loadu_si128(b + 1))};
}
void store(float* p, Lanes a) { _mm256_storeu_ps(p, a.low), _mm256_storeu_ps(p + 8, a.high); }
void store(Half* p, Lanes a) {
  const __m256i h = _mm256_set_m128i(_mm256_cvtps_ph(a.high, _MM_FROUND_TO_NEAREST_INT),
                                     _mm256_cvtps_ph(a.low, _MM_FROUND_TO_NEAREST_INT));
  // A NaN is what has a magnitude beyond 7c00, as int16.
  const __m256i magnitude = _mm256_and_si256(h, _mm256_set1_epi16(0x7fff));
  const __m256i nan = _mm256_cmpgt_epi16(magnitude, _mm256_set1_epi16(0x7c00));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_blendv_epi8(h, _mm256_set1_epi16(0x7e00), nan));
}
Lanes splat(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
Lanes operator+(Lanes a, Lanes b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
Lanes operator-(Lanes a, Lanes b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
Lanes operator*(Lanes a, Lanes b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
Lanes operator/(Lanes a, Lanes b) { return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)}; }
Lanes fma(Lanes a, Lanes b, Lanes c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
Lanes greater(Lanes a, Lanes b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
Lanes lesser(Lanes a, Lanes b) { return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)}; }
__m256 shift_to_exponent(__m256 a) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a), 23)); }
Lanes shift_to_exponent(Lanes a) { return {shift_to_exponent(a.low), shift_to_exponent(a.high)}; }
float fold(Lanes a) {
  const __m256 eight = _mm256_add_ps(a.low, a.high);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
void store_int8(int8_t* p, Lanes a) {
  const __m256i low = _mm256_cvtps_epi32(a.low), high = _mm256_cvtps_epi32(a.high);
  const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
  const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), bytes);
}

Lanes load_int8(const int8_t* p) {
  const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(v)), _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(v, 8)))};
}
float from_half(f16_bits h) { return _cvtsh_ss(h); }
f16_bits to_half(float x) { return x == x ? _cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT) : 0x7e00; }

#include "float_inl.h"

#include "unroll_inl.h"

constexpr int kSums = 4, kColumns = 1;
#include "attention_inl.h"

#include "x86_inl.h"

struct V : V256 {
  static constexpr int kRows32 = 8;  // share the cost of reducing and scaling, which weighs most in short blocks
  // Pairs of equal int16 for vpmaddwd: those of the first 16 codes of each group of 32 in the low 128 bits, of the
  // other 16 in the high. [0]: groups 0-3, [1]: groups 4-7.
  struct Scales { __m256i pairs[2]; };

  using V256::dot;
  using V256::reduce;
  using Sides = Dots;
  template <bool kSigned>
  static Sides dot_sides(Codes w, const int8_t* x) { return dot<kSigned>(w, x); }
  struct TwoSums { __m256i first, last; };
  static TwoSums reduce_sides(const Sides (&a)[8]) {
    const __m256i first = join_four(a), last = join_four(a + 4);
    return {_mm256_permute2x128_si256(first, last, 0x20), _mm256_permute2x128_si256(first, last, 0x31)};
  }
  static __m256i reduce(const Dots (&a)[8]) {
    const TwoSums sums = reduce_sides(a);
    return _mm256_add_epi32(sums.first, sums.last);
  }
  static __m256i sub(__m256i a, int32_t b) { return _mm256_sub_epi32(a, _mm256_set1_epi32(b)); }
  static Scales scales(Groups g) {
    const __m128i even_odd = _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
    const __m256i words = _mm256_cvtepi8_epi16(_mm_shuffle_epi8(g, even_odd));
    return {{_mm256_unpacklo_epi16(words, words), _mm256_unpackhi_epi16(words, words)}};
  }
  template <int g>
  static __m256i scale(const Scales& s) {  // of group g, to all lanes
    return _mm256_shuffle_epi32(s.pairs[g / 4], g % 4 * 0x55);
  }
  // Pairs of products summed in int16, which saturates at more than the greatest, 2 * 128 * 127. Signed codes w are
  // multiplied as |w| * (x with the sign of w); |-128| is 128 as a u8.
  template <bool kSigned>
  static __m256i pairs(Codes w, __m256i x) {
    if constexpr (kSigned) return _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
    else return _mm256_maddubs_epi16(w, x);
  }
  template <bool kSigned>
  static Dots dot(Codes w, const int8_t* x) {
    return _mm256_madd_epi16(pairs<kSigned>(w, load_aligned(x)), _mm256_set1_epi16(1));
  }
  template <int g, bool kSigned>
  static Dots add_scaled(Dots acc, Codes w, const int8_t* x, const Scales& s) {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs<kSigned>(w, load_aligned(x)), scale<g>(s)));
  }
  // Codes whose signs may go to what they are multiplied by instead.
  struct Negated {
    __m256i magnitudes, signs;  // bytes of 1 and -1
    operator Codes() const { return _mm256_sign_epi8(magnitudes, signs); }
  };
  // byte i where bit i is set
  static Negated negate(Codes w, uint32_t b) { return {w, either(spread(b), _mm256_set1_epi8(1))}; }
  template <int g, bool>
  static Dots add_scaled(Dots acc, const Negated& w, const int8_t* x, const Scales& s) {
    const __m256i signed_x = _mm256_sign_epi8(load_aligned(x), w.signs);
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs<false>(w.magnitudes, signed_x), scale<g>(s)));
  }

  static constexpr int kLanes = 8, kFloatRows = 2, kFloatTokens = 2;
  static constexpr bool kConvertsFloats = false;
  template <class>
  static constexpr int kTogether = 4;
  static constexpr int kFewer = 4;
  static constexpr size_t kLeastGemm = 4;
  template <class F>
  static constexpr bool kCentred = false;
  template <class F>
  static void starts(int32_t (&)[64], const ActBlock256&) {}
  using Ints = __m256i;
  using Floats = __m256;
  // Small signed codes are made unsigned; the others need their signs at every product.
  template <class F>
  static constexpr int kBias = F::kSigned && F::kMost <= 64 ? F::kMost : 0;
  template <class F>
  static Codes biased(Codes w) {
    return kBias<F> == 0 ? w : _mm256_add_epi8(w, _mm256_set1_epi8(kBias<F>));
  }
  static Ints splat_ints(int32_t x) { return _mm256_set1_epi32(x); }
  static Floats load_floats(const float* p) { return _mm256_load_ps(p); }
  template <class, int i>
  static Column panel_scale(Column v) { return int16s<i, i, 1>(v); }
  static Ints add_pairs(Ints acc, const int32_t* pairs, const int16_t* sums) {
    const __m256i s = _mm256_set1_epi32(load_dword(sums));
    return _mm256_add_epi32(acc, _mm256_madd_epi16(load_aligned(pairs), s));
  }
  // Products are summed in int16 as long as they fit, then scaled.
  template <class F, int kSteps, size_t kVectors, size_t T>
  COTERIE_INLINE static void add_group(Ints (&sum)[kVectors][T], const uint8_t* codes, size_t code_stride,
                                       const int8_t* const (&x)[T], const int32_t* scales, size_t scale_stride,
                                       const int32_t (*)[64], int) {
    constexpr bool kSign = F::kSigned && kBias<F> == 0;
    constexpr int kFit = 32767 / (2 * 127 * (F::kMost + kBias<F>));
    constexpr int kRun = kFit >= 8 && kSteps >= 8 ? 8 : kFit >= 4 ? 4 : kFit >= 2 ? 2 : 1;
    unroll<kSteps / kRun>([&](auto run) {
      __m256i words[kVectors][T];
      unroll<kRun>([&](auto i) {
        constexpr int step = run.value * kRun + i.value;
        __m256i w[kVectors];
        for (size_t v = 0; v < kVectors; ++v) w[v] = load_aligned(codes + v * code_stride + 4 * kLanes * step);
        for (size_t t = 0; t < T; ++t) {
          const __m256i four = _mm256_set1_epi32(load_dword(x[t] + 4 * step));
          for (size_t v = 0; v < kVectors; ++v) {
            const __m256i p = pairs<kSign>(w[v], four);
            if constexpr (i.value == 0) words[v][t] = p;
            else words[v][t] = keep(_mm256_add_epi16(words[v][t], p));
          }
        }
      });
      for (size_t v = 0; v < kVectors; ++v) {
        __m256i scale = _mm256_set1_epi16(1);
        if (scales != nullptr) scale = load_aligned(reinterpret_cast<const uint8_t*>(scales) + v * scale_stride);
        for (size_t t = 0; t < T; ++t) sum[v][t] = _mm256_add_epi32(sum[v][t], _mm256_madd_epi16(words[v][t], scale));
      }
    });
  }
};

#include "codecs_inl.h"

#include "blocks_inl.h"

#include "gemv_inl.h"

#include "panel_inl.h"

#include "gemm_inl.h"

#include "table_inl.h"

}  // namespace
}  // namespace avx2

extern const Kernels kernels_avx2;
constinit const Kernels kernels_avx2 = avx2::make_kernels("avx2");

}  // namespace coterie
