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
static inline simde__m512i emulated_cvtepi8_epi16(__m256i a) {
  return emulated_join_si(_mm256_cvtepi8_epi16(_mm256_castsi256_si128(a)),
                          _mm256_cvtepi8_epi16(_mm256_extracti128_si256(a, 1)));
}
static inline simde__m512i emulated_cvtepu8_epi16(__m256i a) {
  return emulated_join_si(_mm256_cvtepu8_epi16(_mm256_castsi256_si128(a)),
                          _mm256_cvtepu8_epi16(_mm256_extracti128_si256(a, 1)));
}
static inline __m256i emulated_cvtepi16_epi8(simde__m512i a) {  // the low byte of each
  const simde__m512i_private p = simde__m512i_to_private(a);
  const __m256i mask = _mm256_set1_epi16(255);
  return _mm256_permute4x64_epi64(
      _mm256_packus_epi16(_mm256_and_si256(p.m256i[0], mask), _mm256_and_si256(p.m256i[1], mask)), 0xd8);
}
static inline simde__m512i emulated_cvtps_epi32(simde__m512 a) {
  const simde__m512_private p = simde__m512_to_private(a);
  return emulated_join_si(_mm256_cvtps_epi32(p.m256[0]), _mm256_cvtps_epi32(p.m256[1]));
}
static inline simde__m512 emulated_cvtepi32_ps(simde__m512i a) {
  const simde__m512i_private p = simde__m512i_to_private(a);
  return emulated_join_ps(_mm256_cvtepi32_ps(p.m256i[0]), _mm256_cvtepi32_ps(p.m256i[1]));
}

static inline simde__m512 emulated_shuffle_f32x4(simde__m512 a, simde__m512 b, int lanes) {
  const simde__m512_private p = simde__m512_to_private(a), q = simde__m512_to_private(b);
  simde__m512_private r;
  for (int i = 0; i < 4; ++i) r.m128[i] = (i < 2 ? p : q).m128[lanes >> 2 * i & 3];
  return simde__m512_from_private(r);
}
static inline simde__m512i emulated_madd_epi16(simde__m512i a, simde__m512i b) {
  const simde__m512i_private p = simde__m512i_to_private(a), q = simde__m512i_to_private(b);
  return emulated_join_si(_mm256_madd_epi16(p.m256i[0], q.m256i[0]), _mm256_madd_epi16(p.m256i[1], q.m256i[1]));
}

template <int kOrder>
static inline simde__m512i emulated_shuffle_epi32(simde__m512i a) {
  const simde__m512i_private p = simde__m512i_to_private(a);
  return emulated_join_si(_mm256_shuffle_epi32(p.m256i[0], kOrder), _mm256_shuffle_epi32(p.m256i[1], kOrder));
}
static inline __m128i emulated_cvtepi32_epi16(__m256i a) {  // the low word of each
  const __m256i low = _mm256_and_si256(a, _mm256_set1_epi32(0xffff));
  return _mm256_castsi256_si128(_mm256_permute4x64_epi64(_mm256_packus_epi32(low, low), 0x08));
}

static inline __m256i emulated_mask_sub_epi8(__m256i from, unsigned mask, __m256i a, __m256i b) {
  return simde_mm256_mask_mov_epi8(from, mask, _mm256_sub_epi8(a, b));
}

template <class T>
static inline simde__m512i emulated_gather(simde__m512i indices, const void* base, int scale) {
  T index[64 / sizeof(T)];
  __builtin_memcpy(index, &indices, 64);
  for (T& i : index) __builtin_memcpy(&i, static_cast<const char*>(base) + i * scale, sizeof(T));
  return simde_mm512_loadu_si512(index);
}
static inline simde__m512i emulated_cvtepu8_epi32(__m128i a) {
  return emulated_join_si(_mm256_cvtepu8_epi32(a), _mm256_cvtepu8_epi32(_mm_srli_si128(a, 8)));
}
static inline simde__m512i emulated_cvtepu8_epi64(__m128i a) {
  return emulated_join_si(_mm256_cvtepu8_epi64(a), _mm256_cvtepu8_epi64(_mm_srli_si128(a, 4)));
}
static inline simde__m512i emulated_cvtepu16_epi64(__m128i a) {
  return emulated_join_si(_mm256_cvtepu16_epi64(a), _mm256_cvtepu16_epi64(_mm_srli_si128(a, 8)));
}
static inline simde__m512i emulated_mulhi_epu16(simde__m512i a, simde__m512i b) {
  const simde__m512i_private p = simde__m512i_to_private(a), q = simde__m512i_to_private(b);
  return emulated_join_si(_mm256_mulhi_epu16(p.m256i[0], q.m256i[0]), _mm256_mulhi_epu16(p.m256i[1], q.m256i[1]));
}

#undef _mm512_shuffle_epi32
#undef _mm256_cvtepi32_epi16
#define _mm512_shuffle_epi32(a, order) emulated_shuffle_epi32<order>(a)
#define _mm256_cvtepi32_epi16(a) emulated_cvtepi32_epi16(a)
#undef _mm512_mulhi_epu16
#define _mm512_mulhi_epu16(a, b) emulated_mulhi_epu16(a, b)
#undef _mm512_mask_i32gather_epi32
#undef _mm512_mask_i64gather_epi64
#undef _mm512_cvtepu8_epi32
#undef _mm512_cvtepu8_epi64
#undef _mm512_cvtepu16_epi64
#define _mm512_mask_i32gather_epi32(from, mask, indices, base, scale) emulated_gather<int>(indices, base, scale)  // all
#define _mm512_mask_i64gather_epi64(from, mask, indices, base, scale) emulated_gather<long long>(indices, base, scale)
#define _mm512_cvtepu8_epi32(a) emulated_cvtepu8_epi32(a)
#define _mm512_cvtepu8_epi64(a) emulated_cvtepu8_epi64(a)
#define _mm512_cvtepu16_epi64(a) emulated_cvtepu16_epi64(a)
#undef _mm512_cvtph_ps
#undef _mm512_cvtps_ph
#undef _mm512_cvtepu16_epi32
#undef _mm512_cvtepi8_epi32
#undef _mm512_cvtepi8_epi16
#undef _mm512_cvtepu8_epi16
#undef _mm512_cvtepi16_epi8
#undef _mm512_cvtps_epi32
#undef _mm512_cvtepi32_ps
#undef _mm512_extractf32x8_ps
#undef _mm512_shuffle_f32x4
#undef _mm512_madd_epi16
#undef _mm256_mask_sub_epi8
#define _mm512_shuffle_f32x4(a, b, lanes) emulated_shuffle_f32x4(a, b, lanes)
#define _mm512_madd_epi16(a, b) emulated_madd_epi16(a, b)
#define _mm256_mask_sub_epi8(from, mask, a, b) emulated_mask_sub_epi8(from, mask, a, b)
#define _mm512_cvtph_ps(h) emulated_cvtph_ps(h)
#define _mm512_cvtps_ph(a, rounding) emulated_cvtps_ph(a)  // only used to nearest even
#define _mm512_cvtepu16_epi32(a) emulated_cvtepu16_epi32(a)
#define _mm512_cvtepi8_epi32(a) emulated_cvtepi8_epi32(a)
#define _mm512_cvtepi8_epi16(a) emulated_cvtepi8_epi16(a)
#define _mm512_cvtepu8_epi16(a) emulated_cvtepu8_epi16(a)
#define _mm512_cvtepi16_epi8(a) emulated_cvtepi16_epi8(a)
#define _mm512_cvtps_epi32(a) emulated_cvtps_epi32(a)
#define _mm512_cvtepi32_ps(a) emulated_cvtepi32_ps(a)
#define _mm512_extractf32x8_ps(a, half) (simde__m512_to_private(a).m256[half])

// AMX tiles, from the same pseudo-code. One configuration is in use, of 64-byte rows unless it says otherwise.
struct emulated_tile {
  alignas(64) unsigned char bytes[16][64];
};
struct emulated_tiles {
  unsigned char config[64];
  emulated_tile tile[8];
  int rows(int t) const { return config[48 + t]; }
  int row_bytes(int t) const { return config[16 + 2 * t] | config[17 + 2 * t] << 8; }
};
inline emulated_tiles& emulated_tile_file() {
  static thread_local emulated_tiles tiles;
  return tiles;
}
inline void emulated_tile_loadconfig(const void* config) { __builtin_memcpy(emulated_tile_file().config, config, 64); }
inline void emulated_tile_release() { __builtin_memset(&emulated_tile_file(), 0, sizeof(emulated_tiles)); }
inline void emulated_tile_zero(int t) { __builtin_memset(&emulated_tile_file().tile[t], 0, sizeof(emulated_tile)); }
inline void emulated_tile_loadd(int t, const void* p, size_t stride) {
  emulated_tiles& f = emulated_tile_file();
  emulated_tile_zero(t);
  for (int r = 0; r < f.rows(t); ++r)
    __builtin_memcpy(f.tile[t].bytes[r], static_cast<const char*>(p) + r * stride, f.row_bytes(t));
}
inline void emulated_tile_stored(int t, void* p, size_t stride) {
  const emulated_tiles& f = emulated_tile_file();
  for (int r = 0; r < f.rows(t); ++r)
    __builtin_memcpy(static_cast<char*>(p) + r * stride, f.tile[t].bytes[r], f.row_bytes(t));
}
template <class A, class B>
inline void emulated_tile_product(int dst, int a, int b) {
  emulated_tiles& f = emulated_tile_file();
  for (int m = 0; m < f.rows(dst); ++m) {
    for (int n = 0; n < f.row_bytes(dst) / 4; ++n) {
      int sum;
      __builtin_memcpy(&sum, &f.tile[dst].bytes[m][4 * n], 4);
      for (int k = 0; k < f.row_bytes(a) / 4; ++k)
        for (int j = 0; j < 4; ++j)
          sum += static_cast<A>(f.tile[a].bytes[m][4 * k + j]) * static_cast<B>(f.tile[b].bytes[k][4 * n + j]);
      __builtin_memcpy(&f.tile[dst].bytes[m][4 * n], &sum, 4);
    }
  }
}
#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbssd
#undef _tile_dpbsud
#define _tile_loadconfig(config) emulated_tile_loadconfig(config)
#define _tile_release() emulated_tile_release()
#define _tile_zero(t) emulated_tile_zero(t)
#define _tile_loadd(t, p, stride) emulated_tile_loadd(t, p, stride)
#define _tile_stored(t, p, stride) emulated_tile_stored(t, p, stride)
#define _tile_dpbssd(dst, a, b) emulated_tile_product<signed char, signed char>(dst, a, b)
#define _tile_dpbsud(dst, a, b) emulated_tile_product<signed char, unsigned char>(dst, a, b)
