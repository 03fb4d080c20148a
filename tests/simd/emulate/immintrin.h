// Stands in for the compiler's <immintrin.h> when isa_avx512vnni.cpp is built for a CPU without AVX-512: the 512-bit
// and VNNI instructions come from SIMDe, or from here where Debian 12's version lacks them; AVX2 and below are real.
#pragma once

#include_next <immintrin.h>

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

// From the pseudo-code in Intel's intrinsics guide, in halves of 256 bits.
static inline simde__m512 emulated_join_ps(__m256 low, __m256 high) {
  simde__m512_private joined;
  joined.m256[0] = low;
  joined.m256[1] = high;
  return simde__m512_from_private(joined);
}
static inline simde__m512i emulated_join_si(__m256i low, __m256i high) {
  simde__m512i_private joined;
  joined.m256i[0] = low;
  joined.m256i[1] = high;
  return simde__m512i_from_private(joined);
}

static inline simde__m512 emulated_cvtph_ps(__m256i h) {
  return emulated_join_ps(_mm256_cvtph_ps(_mm256_castsi256_si128(h)), _mm256_cvtph_ps(_mm256_extracti128_si256(h, 1)));
}
static inline __m256i emulated_cvtps_ph(simde__m512 a) {
  const simde__m512_private p = simde__m512_to_private(a);
  return _mm256_set_m128i(_mm256_cvtps_ph(p.m256[1], _MM_FROUND_TO_NEAREST_INT),
                          _mm256_cvtps_ph(p.m256[0], _MM_FROUND_TO_NEAREST_INT));
}
static inline simde__m512i emulated_cvtepu16_epi32(__m256i a) {
  return emulated_join_si(_mm256_cvtepu16_epi32(_mm256_castsi256_si128(a)),
                          _mm256_cvtepu16_epi32(_mm256_extracti128_si256(a, 1)));
}
static inline simde__m512i emulated_cvtepi8_epi32(__m128i a) {
  return emulated_join_si(_mm256_cvtepi8_epi32(a), _mm256_cvtepi8_epi32(_mm_srli_si128(a, 8)));
}
static inline simde__m512i emulated_cvtps_epi32(simde__m512 a) {
  const simde__m512_private p = simde__m512_to_private(a);
  return emulated_join_si(_mm256_cvtps_epi32(p.m256[0]), _mm256_cvtps_epi32(p.m256[1]));
}
static inline simde__m512 emulated_cvtepi32_ps(simde__m512i a) {
  const simde__m512i_private p = simde__m512i_to_private(a);
  return emulated_join_ps(_mm256_cvtepi32_ps(p.m256i[0]), _mm256_cvtepi32_ps(p.m256i[1]));
}

#undef _mm512_cvtph_ps
#undef _mm512_cvtps_ph
#undef _mm512_cvtepu16_epi32
#undef _mm512_cvtepi8_epi32
#undef _mm512_cvtps_epi32
#undef _mm512_cvtepi32_ps
#undef _mm512_extractf32x8_ps
#define _mm512_cvtph_ps(h) emulated_cvtph_ps(h)
#define _mm512_cvtps_ph(a, rounding) emulated_cvtps_ph(a)  // only used to nearest even
#define _mm512_cvtepu16_epi32(a) emulated_cvtepu16_epi32(a)
#define _mm512_cvtepi8_epi32(a) emulated_cvtepi8_epi32(a)
#define _mm512_cvtps_epi32(a) emulated_cvtps_epi32(a)
#define _mm512_cvtepi32_ps(a) emulated_cvtepi32_ps(a)
#define _mm512_extractf32x8_ps(a, half) (simde__m512_to_private(a).m256[half])
