// The operations of V on 256-bit registers that every x86 table shares; included inside its anonymous namespace.
struct V256 {
  static constexpr int kRows = 8;
  using Codes = __m256i;
  using Dots = __m256i;
  using Scales = __m256i;  // the even ones, of the first 16 codes of each group of 32, low; the odd ones high
  using Sums = __m256i;    // likewise
  using Ints = __m256i;
  using Rows = __m256;

  static void prefetch(const void* p, size_t n_bytes) {
    for (size_t at = 0; at < n_bytes; at += 64) _mm_prefetch(static_cast<const char*>(p) + 1024 + at, _MM_HINT_T0);
  }

  static Codes load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static Codes nibbles(const uint8_t* p) {  // the low ones of 16 bytes, then the high ones
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_and_si256(_mm256_set_m128i(_mm_srli_epi16(v, 4), v), _mm256_set1_epi8(15));
  }
  static Codes fifth_bits(uint32_t b) {  // bit i to 16 in byte i
    const __m256i byte_of = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i bit_of = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201));
    const __m256i spread = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(b)), byte_of);
    const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(spread, bit_of), bit_of);
    return _mm256_and_si256(set, _mm256_set1_epi8(16));
  }
  template <int kShift, int kMask>
  static Codes bits(Codes a) {  // (a >> kShift) & kMask in each byte; the mask removes what a neighbour shifted in
    if constexpr (kShift > 0) a = _mm256_srli_epi16(a, kShift);
    if constexpr (kShift < 0) a = _mm256_slli_epi16(a, -kShift);
    return _mm256_and_si256(a, _mm256_set1_epi8(kMask));
  }
  static Codes either(Codes a, Codes b) { return _mm256_or_si256(a, b); }

  static Scales scales_of_32(uint64_t s) { return _mm256_cvtepi8_epi16(_mm_set1_epi64x(static_cast<long long>(s))); }
  static Scales scales_of_16(uint64_t low, uint64_t high) {
    const __m128i s = _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
    const __m128i even_odd = _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
    return _mm256_cvtepi8_epi16(_mm_shuffle_epi8(s, even_odd));
  }
  static Sums sums(const int16_t* sum16) {
    const __m256i even_odd = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15));
    const __m256i s = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(sum16));
    return _mm256_permute4x64_epi64(_mm256_shuffle_epi8(s, even_odd), 0xd8);
  }
  template <int g>
  static __m256i scale(Scales s) {  // that of group g to all lanes
    return _mm256_shuffle_epi8(s, _mm256_set1_epi16((2 * g + 1) << 8 | 2 * g));
  }
  static Dots dot(Scales a, Sums b) { return _mm256_madd_epi16(a, b); }
  template <int kZero>
  static Dots zeros(Scales s, Sums sums) {
    if constexpr (kZero == 0) return _mm256_setzero_si256();
    return _mm256_mullo_epi32(_mm256_madd_epi16(s, sums), _mm256_set1_epi32(-kZero));
  }

  static __m256i add_pairs32(__m256i a, __m256i b) {  // within 128 bits: a0 + a2, b0 + b2, a1 + a3, b1 + b3
    return _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
  }
  static __m256i add_pairs64(__m256i a, __m256i b) {
    return _mm256_add_epi32(_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
  }
  static Ints reduce(const Dots* a) {
    const __m256i low = add_pairs64(add_pairs32(a[0], a[1]), add_pairs32(a[2], a[3]));
    const __m256i high = add_pairs64(add_pairs32(a[4], a[5]), add_pairs32(a[6], a[7]));
    return _mm256_add_epi32(_mm256_permute2x128_si256(low, high, 0x20), _mm256_permute2x128_si256(low, high, 0x31));
  }
  static Ints sub(Ints a, int32_t b) { return _mm256_sub_epi32(a, _mm256_set1_epi32(b)); }

  template <class Get>
  static Rows halves(const Get& get) {
    return _mm256_cvtph_ps(_mm_setr_epi16(static_cast<short>(get(0)), static_cast<short>(get(1)),
                                          static_cast<short>(get(2)), static_cast<short>(get(3)),
                                          static_cast<short>(get(4)), static_cast<short>(get(5)),
                                          static_cast<short>(get(6)), static_cast<short>(get(7))));
  }
  static Rows rows(float x) { return _mm256_set1_ps(x); }
  static Rows mul(Rows a, float b) { return _mm256_mul_ps(a, _mm256_set1_ps(b)); }
  static Rows fma(Rows a, Ints b, Rows c) { return _mm256_fmadd_ps(a, _mm256_cvtepi32_ps(b), c); }
  static void store(float* p, Rows a) { _mm256_storeu_ps(p, a); }
};
