// V on AVX-512 F, BW, DQ, VL and VNNI; included by the tables that have these, after unroll_inl.h. Codes of a single block
// are 256 bits; wide_inl.h joins them, and panels of rows use 512 bits.

#include "x86_inl.h"

struct V : V256 {
  static constexpr int kRows32 = 16;  // share the cost of reducing and scaling, which weighs most in short blocks
  template <int kBit>
  static Codes spread(uint32_t b) {  // bit i to kBit in byte i
    return _mm256_maskz_mov_epi8(b, _mm256_set1_epi8(kBit));
  }
  static Codes negate(Codes w, uint32_t b) { return _mm256_mask_sub_epi8(w, b, _mm256_setzero_si256(), w); }

  template <int kRows, class Get>
  static auto halves(const Get& get) {
    if constexpr (kRows < 16) {
      return V256::halves<kRows>(get);
    } else {
      const auto h = [&](int r) { return static_cast<short>(get(r)); };
      return _mm512_cvtph_ps(_mm256_setr_epi16(h(0), h(1), h(2), h(3), h(4), h(5), h(6), h(7),
                                               h(8), h(9), h(10), h(11), h(12), h(13), h(14), h(15)));
    }
  }
  template <int kRows, class Get>
  static auto powers(const Get& get) {
    if constexpr (kRows < 16) {
      return V256::powers<kRows>(get);
    } else {
      const auto e = [&](int r) { return static_cast<char>(get(r)); };
      const __m512i all = _mm512_cvtepu8_epi32(_mm_setr_epi8(e(0), e(1), e(2), e(3), e(4), e(5), e(6), e(7), e(8), e(9),
                                                             e(10), e(11), e(12), e(13), e(14), e(15)));
      const __m512i half = _mm512_srli_epi32(all, 1), bias = _mm512_set1_epi32(63);
      const __m512i first = _mm512_slli_epi32(_mm512_add_epi32(half, bias), 23);
      const __m512i last = _mm512_slli_epi32(_mm512_add_epi32(_mm512_sub_epi32(all, half), bias), 23);
      return _mm512_mul_ps(_mm512_castsi512_ps(first), _mm512_castsi512_ps(last));
    }
  }
  template <int kRows, class Get>
  static auto e4m3(const Get& get, int i) {
    if constexpr (kRows < 16) {
      return V256::e4m3<kRows>(get, i);
    } else {
      const __m256i low = eights(get(0), get(1), get(2), get(3), get(4), get(5), get(6), get(7));
      const __m256i high = eights(get(8), get(9), get(10), get(11), get(12), get(13), get(14), get(15));
      const __m256i words = _mm256_packus_epi32(e4m3_fields(low, i), e4m3_fields(high, i));
      return _mm512_cvtph_ps(_mm256_permute4x64_epi64(words, 0xd8));
    }
  }
  template <int kRows>
  static auto zero() {
    if constexpr (kRows == 16) return _mm512_setzero_ps();
    else return V256::zero<kRows>();
  }

  static constexpr int kLanes = 16, kFloatRows = 4, kFloatTokens = 4;
  static constexpr bool kConvertsFloats = true;
  template <class F>  // six keep two sums each in registers, eight one
  static constexpr int kTogether = sizeof(F::Act::q) == 32 ? 8 : 6;
  static constexpr int kFewer = 4;
  static constexpr size_t kLeastGemm = 4;
  using Ints = __m512i;
  using Floats = __m512;
  template <class F>
  static constexpr int kBias = F::kSigned ? 128 : 0;
  template <class F>
  static Codes biased(Codes w) {
    return kBias<F> == 0 ? w : _mm256_xor_si256(w, _mm256_set1_epi8(-128));
  }
  static Ints sub(Ints a, int32_t b) { return _mm512_sub_epi32(a, _mm512_set1_epi32(b)); }
  static Ints splat_ints(int32_t x) { return _mm512_set1_epi32(x); }
  static Floats load_floats(const float* p) { return _mm512_load_ps(p); }
  using V256::store;
  static void store(float* p, __m256 a) { _mm256_storeu_ps(p, a); }
  static void store(float* p, __m128 a) { _mm_storeu_ps(p, a); }
  static void store(float* p, Floats a) { _mm512_storeu_ps(p, a); }
  using V256::fma;
  using V256::mul;
  static Floats mul(Floats a, float b) { return _mm512_mul_ps(a, _mm512_set1_ps(b)); }
  static Floats fma(Floats a, Ints b, Floats c) { return _mm512_fmadd_ps(a, _mm512_cvtepi32_ps(b), c); }
  static Ints add_pairs(Ints acc, const int32_t* pairs, const int16_t* sums) {
    return _mm512_dpwssd_epi32(acc, _mm512_load_si512(pairs), _mm512_set1_epi32(load_dword(sums)));
  }
  // A sum of few (code - zero) * q fits an int16, which vpdpwssd scales and adds in one operation; an int32 takes three.
  // kRun: the steps summed up so, where that is worth while; else 0.
  template <class F>
  static constexpr int kFit = 32767 / (4 * 127 * (F::kMost - F::kZero > F::kZero ? F::kMost - F::kZero : F::kZero));
  template <class F>
  static constexpr int kRun = F::kSigned ? 0 : kFit<F> >= 4 ? 4 : kFit<F> >= 2 && F::kGroup == 16 ? 2 : 0;
  template <class F, int i>
  static Column panel_scale(Column v) {  // for vpdpwssd with a zero beside it
    if constexpr (kRun<F> != 0) return int16s<i, -1, 1>(v);
    else return _mm256_srai_epi32(_mm256_slli_epi32(v, 24 - 8 * i), 24);
  }
  template <class F>
  static constexpr bool kCentred = F::kZero != 0 && kRun<F> != 0;
  // Where the sum of each run begins: -kZero * sum(q). Of 16 weights next to each other, of 8 in every other dword.
  template <class F>
  COTERIE_INLINE static void starts(int32_t (&starts)[64], const ActBlock256& x) {
    if constexpr (kRun<F> == 4) {
      const __m256i s = _mm256_mullo_epi16(load_aligned(x.sum16), _mm256_set1_epi16(-F::kZero));
      store_words(starts, _mm256_cvtepi16_epi32(_mm256_castsi256_si128(s)));
      store_words(starts + 8, _mm256_cvtepi16_epi32(_mm256_extracti128_si256(s, 1)));
    } else {
      for (int i = 0; i < 64; i += 16) {
        const Ints pairs = _mm512_maddubs_epi16(_mm512_set1_epi8(F::kZero), _mm512_load_si512(x.q + 4 * i));
        const Ints fours = _mm512_madd_epi16(pairs, _mm512_set1_epi16(-1));
        _mm512_store_si512(starts + i, _mm512_add_epi32(fours, _mm512_srli_epi64(fours, 32)));
      }
    }
  }
  template <class F, int kSteps, size_t kVectors, size_t T>
  COTERIE_INLINE static void add_group(Ints (&sum)[kVectors][T], const uint8_t* codes, size_t code_stride,
                                       const int8_t* const (&x)[T], const int32_t* scales, size_t scale_stride,
                                       const int32_t (*starts)[64], int from) {
    if constexpr (sizeof(F::Act::q) == 32) return add_products<kSteps>(sum, codes, code_stride, x, 0);
    constexpr int kAtOnce = kRun<F> != 0 ? kRun<F> : kSteps;
    for (int run = 0; run < kSteps / kAtOnce; ++run) {
      Ints group[kVectors][T];
      for (size_t t = 0; t < T; ++t) {
        const Ints start = splat_ints(kCentred<F> ? starts[t][(from / kAtOnce + run) * 4 / kAtOnce] : 0);
        for (size_t v = 0; v < kVectors; ++v) group[v][t] = start;
      }
      add_products<kAtOnce>(group, codes, code_stride, x, run * kAtOnce);
      for (size_t v = 0; v < kVectors; ++v) {
        const Ints scale = _mm512_load_si512(reinterpret_cast<const uint8_t*>(scales) + v * scale_stride);
        for (size_t t = 0; t < T; ++t) {
          if constexpr (kRun<F> != 0) sum[v][t] = _mm512_dpwssd_epi32(sum[v][t], group[v][t], scale);
          else sum[v][t] = _mm512_add_epi32(sum[v][t], _mm512_mullo_epi32(group[v][t], scale));
        }
      }
    }
  }
  template <int kSteps, size_t kVectors, size_t T>
  COTERIE_INLINE static void add_products(Ints (&sum)[kVectors][T], const uint8_t* codes, size_t code_stride,
                                          const int8_t* const (&x)[T], int from) {
    for (int step = from; step < from + kSteps; ++step) {
      Ints w[kVectors];
      for (size_t v = 0; v < kVectors; ++v) w[v] = _mm512_load_si512(codes + v * code_stride + 4 * kLanes * step);
      for (size_t t = 0; t < T; ++t) {
        const Ints four = _mm512_set1_epi32(load_dword(x[t] + 4 * step));
        for (size_t v = 0; v < kVectors; ++v) sum[v][t] = _mm512_dpbusd_epi32(sum[v][t], w[v], four);
      }
    }
  }
};
