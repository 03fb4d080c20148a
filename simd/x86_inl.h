// The operations of V on 256-bit registers that the x86 tables share; included inside their anonymous namespaces.
struct V256 {
  static constexpr int kRows256 = 4;  // far apart: what memory likes
  static constexpr int kPack = 8;
  using Codes = __m256i;
  using Dots = __m256i;
  using Groups = __m128i;
  using Column = __m256i;
  using Words = __m256i;
  using Sums = __m256i;

  // As assembler: gcc 12 leaves out calls of a function that does nothing but prefetch.
  static void prefetch(const void* p) {
    __asm__ volatile("prefetcht0 %0" : : "m"(*static_cast<const char*>(p)));
  }

  // In a register and now: gcc would rather load twice than keep a value, and sum up late what it then has to spill.
  static __m256i keep(__m256i v) {
    __asm__("" : "+x"(v));
    return v;
  }
  static Codes load(const void* p) { return keep(_mm256_loadu_si256(static_cast<const __m256i*>(p))); }
  static __m256i load_aligned(const void* p) { return _mm256_load_si256(static_cast<const __m256i*>(p)); }
  static Codes quads(uint64_t a, uint64_t b, uint64_t c, uint64_t d) {  // eight bytes each
    return _mm256_set_m128i(groups(c, d), groups(a, b));
  }
  static Codes eights(uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e, uint32_t f, uint32_t g, uint32_t h) {
    const auto i = [](uint32_t four) { return static_cast<int>(four); };
    return _mm256_setr_epi32(i(a), i(b), i(c), i(d), i(e), i(f), i(g), i(h));
  }
  static Codes nibbles(const uint8_t* p) {  // the low ones of 16 bytes, then the high ones
    const __m256i v = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    const __m256i shifted = _mm256_srlv_epi32(v, _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4));
    return _mm256_and_si256(shifted, _mm256_set1_epi8(15));
  }
  static Codes nibbles_of_eight(const uint8_t* p) {  // the low ones of 8 bytes, then their high ones; then of 8 more
    const __m256i v = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(groups(p)), eights_twice());
    return _mm256_and_si256(_mm256_srlv_epi64(v, _mm256_setr_epi64x(0, 4, 0, 4)), _mm256_set1_epi8(15));
  }
  static __m256i eights_twice() {  // how to shuffle 16 bytes
    constexpr int64_t kFirst = 0x0706050403020100, kSecond = 0x0f0e0d0c0b0a0908;
    return _mm256_setr_epi64x(kFirst, kFirst, kSecond, kSecond);
  }
  static Codes crumbs(const uint8_t* p) {  // the four pairs of bits of each of 8 bytes
    const __m256i v = _mm256_set_m128i(_mm_set1_epi32(load_dword(p + 4)), _mm_set1_epi32(load_dword(p)));
    const __m256i shifted = _mm256_srlv_epi32(v, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
    const __m256i pairs = _mm256_and_si256(shifted, _mm256_set1_epi8(3));
    return _mm256_shuffle_epi8(pairs, _mm256_broadcastsi128_si256(transposed()));
  }
  static __m128i transposed() {  // how to shuffle four times four bytes
    return _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  }
  static Codes spread(uint32_t b) {  // bit i to all bits of byte i
    const __m256i byte_of = _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i bit_of = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201));
    const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(b)), byte_of);
    return _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit_of), bit_of);
  }
  template <int kBit>
  static Codes spread(uint32_t b) { return _mm256_and_si256(spread(b), _mm256_set1_epi8(kBit)); }  // or to kBit
  template <int kShift, int kMask>
  static Codes bits(Codes a) {  // (a >> kShift) & kMask in each byte; the mask removes what a neighbour shifted in
    if constexpr (kShift > 0) a = _mm256_srli_epi16(a, kShift);
    if constexpr (kShift < 0) a = _mm256_slli_epi16(a, -kShift);
    return _mm256_and_si256(a, _mm256_set1_epi8(kMask));
  }
  static Codes lookup(const int8_t (&table)[16], Codes i) {
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(groups(table)), i);
  }
  static Codes either(Codes a, Codes b) { return _mm256_or_si256(a, b); }
  static Codes digits(Codes bytes, const uint8_t (&powers)[32]) {  // (byte * power & 255) * 3 >> 8
    const __m256i power = load_aligned(powers), three = _mm256_set1_epi16(3);
    const __m256i even = _mm256_mullo_epi16(_mm256_slli_epi16(bytes, 8), power);
    const __m256i odd = _mm256_mullo_epi16(_mm256_and_si256(bytes, _mm256_set1_epi16(-256)), _mm256_srli_epi16(power, 8));
    return either(_mm256_mulhi_epu16(even, three), _mm256_slli_epi16(_mm256_mulhi_epu16(odd, three), 8));
  }

  static Groups groups(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }
  static Groups groups(uint64_t first, uint64_t last) {
    return _mm_set_epi64x(static_cast<long long>(last), static_cast<long long>(first));
  }
  template <int kShift, int kMask>
  static Groups bits(Groups a) {
    if constexpr (kShift > 0) a = _mm_srli_epi16(a, kShift);
    return _mm_and_si128(a, _mm_set1_epi8(kMask));
  }
  static Groups doubled(uint64_t eight) {  // each byte twice
    const __m128i v = _mm_cvtsi64_si128(static_cast<long long>(eight));
    return _mm_unpacklo_epi8(v, v);
  }
  static Words words(Groups g) { return _mm256_cvtepi8_epi16(g); }
  static Sums sums(const int16_t* sum16) { return load_aligned(sum16); }
  static Dots dot(Words a, Sums b) { return _mm256_madd_epi16(a, b); }
  template <int kZero>
  static Dots zeros(Groups scales, Sums sums) {
    if constexpr (kZero == 0) return _mm256_setzero_si256();
    else return dot(_mm256_mullo_epi16(words(scales), _mm256_set1_epi16(-kZero)), sums);
  }

  static Codes join(Groups a, Groups b) { return _mm256_set_m128i(b, a); }
  // For a shuffle that makes bytes a and b of each dword the high ones of its words; not in (0, 1, 2, 3): zeros.
  template <int a, int b>
  static __m256i to_words() {
    const auto lane = [](int first) {
      return 0x00800080 | (a & ~3 ? 0x80 : first + a) << 8 | static_cast<int>((b & ~3 ? 0x80u : first + b) << 24);
    };
    return _mm256_setr_epi32(lane(0), lane(4), lane(8), lane(12), lane(0), lane(4), lane(8), lane(12));
  }
  static void add_neighbours(const int16_t* sum16, int16_t* sums) {
    const __m256i s = dot(load_aligned(sum16), _mm256_set1_epi16(1));
    _mm_store_si128(reinterpret_cast<__m128i*>(sums),
                    _mm_packs_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1)));
  }
  template <int a, int b, int kFactor>
  static Column int16s(Column v) {
    const Column words = _mm256_srai_epi16(_mm256_shuffle_epi8(v, to_words<a, b>()), 8);
    return kFactor == 1 ? words : _mm256_mullo_epi16(words, _mm256_set1_epi16(kFactor));
  }
  static constexpr bool kTransposesBlocks = true;
  static void transpose(const Groups (&row)[8], Column (&column)[4]) {
    __m256i a[4], b[4];
    for (int i = 0; i < 4; ++i) a[i] = join(row[i], row[i + 4]);
    for (int i = 0; i < 4; i += 2) {
      b[i] = _mm256_unpacklo_epi32(a[i], a[i + 1]);
      b[i + 1] = _mm256_unpackhi_epi32(a[i], a[i + 1]);
    }
    for (int i = 0; i < 2; ++i) {
      column[2 * i] = _mm256_unpacklo_epi64(b[i], b[i + 2]);
      column[2 * i + 1] = _mm256_unpackhi_epi64(b[i], b[i + 2]);
    }
  }
  static void halves_apart(Column c, float* low, float* high) {
    const __m256i words = _mm256_packus_epi32(_mm256_and_si256(c, _mm256_set1_epi32(0xffff)), _mm256_srli_epi32(c, 16));
    const __m256i apart = _mm256_permute4x64_epi64(words, 0xd8);
    _mm256_storeu_ps(low, _mm256_cvtph_ps(_mm256_castsi256_si128(apart)));
    _mm256_storeu_ps(high, _mm256_cvtph_ps(_mm256_extracti128_si256(apart, 1)));
  }
  // Dword j of each of eight rows to column[j].
  static void transpose(const Codes (&row)[8], Column (&column)[8]) {
    __m256i a[8], b[8];
    for (int i = 0; i < 8; i += 2) {
      a[i] = _mm256_unpacklo_epi32(row[i], row[i + 1]);  // dwords 0, 1 and 4, 5 of two rows
      a[i + 1] = _mm256_unpackhi_epi32(row[i], row[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
      b[i] = _mm256_unpacklo_epi64(a[i], a[i + 2]);  // dwords 0 and 4 of four rows
      b[i + 1] = _mm256_unpackhi_epi64(a[i], a[i + 2]);
      b[i + 2] = _mm256_unpacklo_epi64(a[i + 1], a[i + 3]);
      b[i + 3] = _mm256_unpackhi_epi64(a[i + 1], a[i + 3]);
    }
    for (int j = 0; j < 4; ++j) {
      column[j] = _mm256_permute2x128_si256(b[j], b[j + 4], 0x20);
      column[j + 4] = _mm256_permute2x128_si256(b[j], b[j + 4], 0x31);
    }
  }
  static void transpose(const Codes (&row)[8], uint8_t* out, size_t stride) {  // to out + j * stride
    Column column[8];
    transpose(row, column);
    for (int j = 0; j < 8; ++j) store_words(out + j * stride, column[j]);
  }
  static void store(int32_t* p, Column a) { store_words(p, a); }
  static void store_words(void* p, __m256i a) { _mm256_store_si256(static_cast<__m256i*>(p), a); }
  static int32_t load_dword(const void* p) {
    int32_t v;
    __builtin_memcpy(&v, p, 4);
    return v;
  }

  static __m256i join(__m256i a, __m256i b) {  // in each half: a0 + a2, b0 + b2, a1 + a3, b1 + b3
    return _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
  }
  static __m256i join_pairs(__m256i ab, __m256i cd) {  // in each half: sums of a, b, c, d
    return _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
  }
  static __m256i join_four(const Dots* a) { return join_pairs(join(a[0], a[1]), join(a[2], a[3])); }
  static __m128i reduce(const Dots (&a)[4]) {
    const __m256i sums = join_four(a);
    return _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  }

  template <int kRows, class Get>
  static auto halves(const Get& get) {
    const auto h = [&](int r) { return static_cast<short>(get(r)); };
    if constexpr (kRows == 4) return _mm_cvtph_ps(_mm_setr_epi16(h(0), h(1), h(2), h(3), 0, 0, 0, 0));
    else return _mm256_cvtph_ps(_mm_setr_epi16(h(0), h(1), h(2), h(3), h(4), h(5), h(6), h(7)));
  }
  template <int kRows, class Get>
  static auto powers(const Get& get) {  // 2^(e - 128) for each byte e, in two factors of which none is denormal
    const auto e = [&](int r) { return r < kRows ? static_cast<char>(get(r)) : char{0}; };
    const __m128i bytes = _mm_setr_epi8(e(0), e(1), e(2), e(3), e(4), e(5), e(6), e(7), 0, 0, 0, 0, 0, 0, 0, 0);
    const __m256i all = _mm256_cvtepu8_epi32(bytes), half = _mm256_srli_epi32(all, 1), bias = _mm256_set1_epi32(63);
    const __m256i first = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
    const __m256i last = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(all, half), bias), 23);
    const __m256 product = _mm256_mul_ps(_mm256_castsi256_ps(first), _mm256_castsi256_ps(last));
    if constexpr (kRows == 4) return _mm256_castps256_ps128(product);
    else return product;
  }
  // Byte i of each row's four as a half with the same fields, without its top bit; 7f: 0.
  static __m256i e4m3_fields(__m256i fours, int i) {
    fours = _mm256_andnot_si256(_mm256_cmpeq_epi8(fours, _mm256_set1_epi8(0x7f)), fours);
    const __m256i shifted = i == 0 ? _mm256_slli_epi32(fours, 7) : _mm256_srli_epi32(fours, 8 * i - 7);
    return _mm256_and_si256(shifted, _mm256_set1_epi32(0x7f << 7));
  }
  template <int kRows, class Get>
  static __m256 e4m3(const Get& get, int i) {
    static_assert(kRows == 8);
    const __m256i dwords = e4m3_fields(eights(get(0), get(1), get(2), get(3), get(4), get(5), get(6), get(7)), i);
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(dwords, dwords), 0x08);
    return _mm256_cvtph_ps(_mm256_castsi256_si128(words));
  }
  template <int kRows>
  static auto zero() {
    if constexpr (kRows == 4) return _mm_setzero_ps();
    else return _mm256_setzero_ps();
  }
  static __m128 mul(__m128 a, float b) { return _mm_mul_ps(a, _mm_set1_ps(b)); }
  static __m256 mul(__m256 a, float b) { return _mm256_mul_ps(a, _mm256_set1_ps(b)); }
  static __m128 fma(__m128 a, __m128i b, __m128 c) { return _mm_fmadd_ps(a, _mm_cvtepi32_ps(b), c); }
  static __m256 fma(__m256 a, __m256i b, __m256 c) { return _mm256_fmadd_ps(a, _mm256_cvtepi32_ps(b), c); }
  static __m256 fma(__m256 a, int32_t b, __m256 c) { return fma(a, _mm256_set1_epi32(b), c); }
  static void store(float* p, __m128 a) { _mm_storeu_ps(p, a); }
  static void store(float* p, __m256 a) { _mm256_storeu_ps(p, a); }
};
