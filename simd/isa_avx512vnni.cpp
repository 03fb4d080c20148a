// AVX-512 F, BW, DQ, VL and VNNI.
#include <immintrin.h>

#include "grids.h"
#include "kernels.h"

namespace coterie {
namespace avx512vnni {
namespace {

struct Lanes {
  __m512 v;
};

__m256i load_words(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

Lanes load(const float* p) { return {_mm512_loadu_ps(p)}; }
Lanes load(const Single* p) { return {_mm512_loadu_ps(p)}; }
Lanes load(const Half* p) { return {_mm512_cvtph_ps(load_words(p))}; }
Lanes load(const Brain* p) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load_words(p)), 16))};
}
void store(float* p, Lanes a) { _mm512_storeu_ps(p, a.v); }
void store(Half* p, Lanes a) {
  const __m256i h = _mm512_cvtps_ph(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __mmask16 nan = _mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_mask_mov_epi16(h, nan, _mm256_set1_epi16(0x7e00)));
}
Lanes splat(float x) { return {_mm512_set1_ps(x)}; }
Lanes operator+(Lanes a, Lanes b) { return {_mm512_add_ps(a.v, b.v)}; }
Lanes operator-(Lanes a, Lanes b) { return {_mm512_sub_ps(a.v, b.v)}; }
Lanes operator*(Lanes a, Lanes b) { return {_mm512_mul_ps(a.v, b.v)}; }
Lanes operator/(Lanes a, Lanes b) { return {_mm512_div_ps(a.v, b.v)}; }
Lanes fma(Lanes a, Lanes b, Lanes c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
Lanes greater(Lanes a, Lanes b) { return {_mm512_max_ps(a.v, b.v)}; }
Lanes lesser(Lanes a, Lanes b) { return {_mm512_min_ps(a.v, b.v)}; }
Lanes shift_to_exponent(Lanes a) { return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(a.v), 23))}; }
float fold(Lanes a) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
void store_int8(int8_t* p, Lanes a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(a.v)));
}

Lanes load_int8(const int8_t* p) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))};
}
float from_half(f16_bits h) { return _cvtsh_ss(h); }
f16_bits to_half(float x) { return x == x ? _cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT) : 0x7e00; }

#include "float_inl.h"

#include "unroll_inl.h"

constexpr int kSums = 8, kColumns = 2;
#include "attention_inl.h"

// Sixteen sums at once: each step takes two of what the one before has left and adds one half of their lanes to the other.
COTERIE_INLINE void fold_tile(const Lanes (&a)[4][4], float* const* y, size_t row) {  // a[r][t] to y[t][row + r]
  __m512 b[8], c[4], d[2];
  for (int i = 0; i < 8; ++i) {
    const __m512 x = a[i / 2][i % 2 * 2].v, y = a[i / 2][i % 2 * 2 + 1].v;
    b[i] = _mm512_add_ps(_mm512_shuffle_f32x4(x, y, 0x44), _mm512_shuffle_f32x4(x, y, 0xee));
  }
  for (int i = 0; i < 4; ++i) {
    const __m512 x = b[2 * i], y = b[2 * i + 1];
    c[i] = _mm512_add_ps(_mm512_shuffle_f32x4(x, y, 0x88), _mm512_shuffle_f32x4(x, y, 0xdd));
  }
  for (int i = 0; i < 2; ++i) {
    const __m512 x = c[2 * i], y = c[2 * i + 1];
    d[i] = _mm512_add_ps(_mm512_shuffle_ps(x, y, 0x44), _mm512_shuffle_ps(x, y, 0xee));
  }
  const __m512 sums = _mm512_add_ps(_mm512_shuffle_ps(d[0], d[1], 0x88), _mm512_shuffle_ps(d[0], d[1], 0xdd));
  _mm_storeu_ps(y[0] + row, _mm512_castps512_ps128(sums));
  _mm_storeu_ps(y[1] + row, _mm512_extractf32x4_ps(sums, 1));
  _mm_storeu_ps(y[2] + row, _mm512_extractf32x4_ps(sums, 2));
  _mm_storeu_ps(y[3] + row, _mm512_extractf32x4_ps(sums, 3));
}

#include "avx512_inl.h"

#include "codecs_inl.h"

#include "wide_inl.h"

#include "gemv_inl.h"

#include "panel_inl.h"

#include "gemm_inl.h"

#include "table_inl.h"

}  // namespace
}  // namespace avx512vnni

extern const Kernels kernels_avx512vnni;
constinit const Kernels kernels_avx512vnni = avx512vnni::make_kernels("avx512vnni");

}  // namespace coterie
