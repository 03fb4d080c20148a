// Blocks of weights times one vector of activations in 512-bit registers: what blocks_inl.h does for narrower ones.
// Included after codecs_inl.h. W holds 64 codes: two blocks of 32 of different rows, or two groups of a block of 256.

struct W {
  using Codes = __m512i;
  static Codes join(__m256i a, __m256i b) { return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1); }

  // Of the codecs. In pairs: of two blocks.
  static Codes load(const void* p) { return _mm512_loadu_si512(p); }
  static Codes load(const void* a, const void* b) { return join(load256(a), load256(b)); }
  static Codes nibbles(const uint8_t* p) {  // of 16 bytes the low ones, then the high ones; then of 16 more
    const __m512i v = _mm512_castsi256_si512(load256(p));
    return nibbles(_mm512_shuffle_i32x4(v, v, 0x50));
  }
  static Codes nibbles(const uint8_t* a, const uint8_t* b) {
    return nibbles(both_twice(a, b));
  }
  static Codes nibbles_of_eight(const uint8_t* a, const uint8_t* b) {  // of 8 bytes the low ones, then the high ones
    const __m512i twice = _mm512_shuffle_epi8(both_twice(a, b), join(V::eights_twice(), V::eights_twice()));
    const __m256i shifts = _mm256_setr_epi64x(0, 4, 0, 4);
    return _mm512_and_si512(_mm512_srlv_epi64(twice, join(shifts, shifts)), _mm512_set1_epi8(15));
  }
  static Codes crumbs(const uint8_t* a, const uint8_t* b) {  // the four pairs of bits of each of 8 bytes
    const __m256i first = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1), second = _mm256_add_epi32(first, _mm256_set1_epi32(2));
    const __m512i eights = _mm512_castsi128_si512(V::groups(load_bytes(a, 8), load_bytes(b, 8)));
    const __m512i four_times = _mm512_permutexvar_epi32(join(first, second), eights);
    const __m256i shifts = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    const __m512i shifted = _mm512_srlv_epi32(four_times, join(shifts, shifts));
    return _mm512_shuffle_epi8(_mm512_and_si512(shifted, _mm512_set1_epi8(3)), _mm512_broadcast_i32x4(V::transposed()));
  }
  template <int kBit>
  static Codes spread(uint32_t a, uint32_t b) {  // bit i to kBit in byte i
    return _mm512_maskz_mov_epi8(a | uint64_t{b} << 32, _mm512_set1_epi8(kBit));
  }
  template <int kShift, int kMask>
  static Codes bits(Codes a) {
    if constexpr (kShift > 0) a = _mm512_srli_epi16(a, kShift);
    return _mm512_and_si512(a, _mm512_set1_epi8(kMask));
  }
  template <int kShift, int kStep, int kMask>  // of the same 32 bytes, shifted by kStep more in the high half
  static Codes shared_bits(const uint8_t* p) {
    const __m512i shifts = join(_mm256_set1_epi64x(kShift), _mm256_set1_epi64x(kShift + kStep));
    return _mm512_and_si512(_mm512_rorv_epi64(_mm512_broadcast_i64x4(load256(p)), shifts), _mm512_set1_epi8(kMask));
  }
  static Codes lookup(const int8_t (&table)[16], Codes i) {
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(V::groups(table)), i);
  }
  static Codes either(Codes a, Codes b) { return _mm512_or_si512(a, b); }

  static Codes digits(Codes bytes, const uint8_t* powers) {  // (byte * power & 255) * 3 >> 8
    const __m512i power = load(powers), three = _mm512_set1_epi16(3);
    const __m512i even = _mm512_mullo_epi16(_mm512_slli_epi16(bytes, 8), power);
    const __m512i odd = _mm512_mullo_epi16(_mm512_and_si512(bytes, _mm512_set1_epi16(-256)), _mm512_srli_epi16(power, 8));
    return either(_mm512_mulhi_epu16(even, three), _mm512_slli_epi16(_mm512_mulhi_epu16(odd, three), 8));
  }
  template <class Index>
  static Codes points(const uint64_t* grid, const Index* first, const Index* second) {  // four indices each
    const __m128i indices = V::groups(load_bytes(first, 4 * sizeof(Index)), load_bytes(second, 4 * sizeof(Index)));
    if constexpr (sizeof(Index) == 2) return gather(_mm512_cvtepu16_epi64(indices), grid);
    else return gather(_mm512_cvtepu8_epi64(_mm_shuffle_epi32(indices, 0x08)), grid);
  }
  template <class Index>
  static Codes points(const uint32_t* grid, const Index* first, const Index* second) {  // eight
    if constexpr (sizeof(Index) == 2)
      return gather(_mm512_cvtepu16_epi32(_mm256_set_m128i(V::groups(second), V::groups(first))), grid);
    else return gather(_mm512_cvtepu8_epi32(V::groups(load_bytes(first, 8), load_bytes(second, 8))), grid);
  }
  // Codes whose signs may go to what they are multiplied by instead.
  struct Negated {
    __m512i magnitudes;
    __mmask64 negative;
  };
  static Negated negate(Codes w, uint64_t b) { return {w, b}; }  // byte i for bit i

  // The groups of part i of a block of 256: first and first + kStep.
  template <class F>
  static constexpr int first(int i) { return i / F::kStep * 2 * F::kStep + i % F::kStep; }
  template <class F>
  static __m512i activations(const int8_t* q, int i) {
    return join(load256(q + 32 * first<F>(i)), load256(q + 32 * (first<F>(i) + F::kStep)));
  }
  // Pairs of equal int16: a scale for each 16 codes.
  template <class F, int i>
  static __m512i scale(__m512i words) {
    const __m512i lanes = load(kScaleOf<first<F>(i), F::kStep>.lane);
    return _mm512_permutexvar_epi16(lanes, words);
  }

  // acc + scale * code * x. Signs of codes go to what they are multiplied by; sums of pairs are at most 2 * 128 * 127.
  template <bool kSigned>
  static __m512i add_scaled(__m512i acc, Codes codes, __m512i x, __m512i scale) {
    if constexpr (kSigned) return add_scaled<true>(acc, {_mm512_abs_epi8(codes), _mm512_movepi8_mask(codes)}, x, scale);
    else return _mm512_dpwssd_epi32(acc, _mm512_maddubs_epi16(codes, x), scale);
  }
  template <bool>
  static __m512i add_scaled(__m512i acc, const Negated& w, __m512i x, __m512i scale) {
    x = _mm512_mask_sub_epi8(x, w.negative, _mm512_setzero_si512(), x);
    return _mm512_dpwssd_epi32(acc, _mm512_maddubs_epi16(w.magnitudes, x), scale);
  }

  // Sums of each row's lanes.
  static __m128i reduce(const __m512i (&rows)[4]) {
    const __m512i sums = join_four(rows);
    const __m256i two = _mm256_add_epi32(_mm512_castsi512_si256(sums), _mm512_extracti64x4_epi64(sums, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(two), _mm256_extracti128_si256(two, 1));
  }
  struct TwoSums { __m512i first, last; };  // of 16 codes each
  // Two rows in each: r and r + 4 for rows 0 to 3, then for rows 8 to 11.
  static __m512i reduce(const __m512i (&pairs)[8]) {
    const TwoSums sums = reduce_sides(pairs);
    return _mm512_add_epi32(sums.first, sums.last);
  }
  static TwoSums reduce_sides(const __m512i (&pairs)[8]) {
    const __m512i first = join_four(pairs), last = join_four(pairs + 4);
    return {_mm512_shuffle_i32x4(first, last, 0x88), _mm512_shuffle_i32x4(first, last, 0xdd)};
  }

 private:
  // Into zeros: what a gather without a mask goes into is undefined, but waited for.
  static __m512i gather(__m512i indices, const uint64_t* from) {
    return _mm512_mask_i64gather_epi64(_mm512_setzero_si512(), 0xff, indices, from, 8);
  }
  static __m512i gather(__m512i indices, const uint32_t* from) {
    return _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), 0xffff, indices, from, 4);
  }
  static __m512i both_twice(const uint8_t* a, const uint8_t* b) {  // 16 bytes of each
    return _mm512_mask_broadcast_i32x4(_mm512_broadcast_i32x4(V::groups(a)), 0xff00, V::groups(b));
  }
  static __m256i load256(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static Codes nibbles(__m512i twice) {
    const __m256i shifts = _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4);
    return _mm512_and_si512(_mm512_srlv_epi32(twice, join(shifts, shifts)), _mm512_set1_epi8(15));
  }
  static __m512i join(__m512i a, __m512i b) {
    return _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
  }
  static __m512i join_four(const __m512i* a) {
    const __m512i ab = join(a[0], a[1]), cd = join(a[2], a[3]);
    return _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
  }

  template <int kFirst, int kStepOf>
  struct alignas(64) ScaleOf {
    uint16_t lane[32];
    constexpr ScaleOf() : lane() {
      for (int i = 0; i < 32; ++i) lane[i] = static_cast<uint16_t>(2 * (kFirst + i / 16 * kStepOf) + i / 8 % 2);
    }
  };
  template <int kFirst, int kStepOf>
  static constexpr ScaleOf<kFirst, kStepOf> kScaleOf{};
};

template <class F, int kRows, class Floats, class At>
COTERIE_INLINE Floats add_blocks(Floats acc, const At& block, const ActBlock32& x) {
  constexpr int kZero = F::kZero + V::kBias<F>;
  const __m512i q = _mm512_broadcast_i64x4(V::load_aligned(x.q));
  __m512i dots[8];
  unroll<8>([&](auto i) {
    constexpr int r = i.value % 4 + i.value / 4 * 8;
    block.prefetch(r);
    block.prefetch(r + 4);
    W::Codes codes = F::template codes<W>(block(r), block(r + 4));
    if constexpr (V::kBias<F> != 0) codes = _mm512_xor_si512(codes, _mm512_set1_epi8(-128));
    dots[i.value] = _mm512_dpbusd_epi32(_mm512_setzero_si512(), codes, q);
  });
  if constexpr (F::kGroup == 16) {
    const W::TwoSums sums = W::reduce_sides(dots);
    acc = V::fma(V::mul(F::template d<kRows>(block), x.d), V::sub(sums.first, kZero * x.first_sum), acc);
    const __m512i last = V::sub(sums.last, kZero * (x.sum - x.first_sum));
    return V::fma(V::mul(F::template last_d<kRows>(block), x.d), last, acc);
  }
  __m512i sum = W::reduce(dots);
  if constexpr (kZero != 0) sum = V::sub(sum, kZero * x.sum);
  acc = V::fma(V::mul(F::template d<kRows>(block), x.d), sum, acc);
  if constexpr (F::kMins) acc = V::fma(V::mul(F::template m<kRows>(block), x.d), V::splat_ints(x.sum), acc);
  return acc;
}

// What blocks of four rows begin with where they have SixBits (codecs_256_inl.h): a row in each 128 bits.
struct FourHeads {
  __m512i heads, scales, mins;  // scales and mins: eight words a row

  template <class At>
  COTERIE_INLINE explicit FourHeads(const At& block) {
    heads = _mm512_castsi128_si512(V::groups(&block(0)));
    heads = _mm512_inserti32x4(heads, V::groups(&block(1)), 1);
    heads = _mm512_inserti32x4(heads, V::groups(&block(2)), 2);
    heads = _mm512_inserti32x4(heads, V::groups(&block(3)), 3);
    // To dwords: scales 0-3, 4-7, mins 0-3, 4-7. Of 0-3 all six bits lie together, of 4-7 four; the high two are apart.
    const __m512i most = _mm512_srlv_epi32(_mm512_shuffle_epi32(heads, _MM_PERM_DCDB), dwords(0, 0, 0, 4));
    const __m512i high = _mm512_srli_epi32(_mm512_shuffle_epi32(heads, _MM_PERM_CCBB), 2);
    const __m512i low = _mm512_and_si512(most, dwords(0x3f3f3f3f, 0x0f0f0f0f, 0x3f3f3f3f, 0x0f0f0f0f));
    const __m512i bytes = _mm512_or_si512(low, _mm512_and_si512(high, dwords(0, 0x30303030, 0, 0x30303030)));
    scales = _mm512_unpacklo_epi8(bytes, _mm512_setzero_si512());
    mins = _mm512_unpackhi_epi8(bytes, _mm512_setzero_si512());
  }
  // As W::scale, of one row.
  template <class F, int i, int row>
  __m512i scale() const {
    return _mm512_permutexvar_epi16(W::load(kHalves<W::first<F>(i) + 8 * row, F::kStep>.word), scales);
  }
  // Of each row, the sum of its mins times sums of 32 activations; these are at most 32 * 127.
  __m128i dot_mins(V::Sums sum16) const {
    const __m128i sum32 = _mm256_cvtepi32_epi16(V::dot(sum16, _mm256_set1_epi16(1)));
    __m512i sums = _mm512_madd_epi16(mins, _mm512_broadcast_i32x4(sum32));
    sums = _mm512_add_epi32(sums, _mm512_shuffle_epi32(sums, _MM_PERM_CDAB));
    return first_dwords(_mm512_add_epi32(sums, _mm512_shuffle_epi32(sums, _MM_PERM_BADC)));
  }
  struct Factors { __m128 d, dmin; };
  Factors factors() const {
    const __m128i apart = _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
    const __m256 both = _mm256_cvtph_ps(_mm_shuffle_epi8(first_dwords(heads), apart));
    return {_mm256_castps256_ps128(both), _mm256_extractf128_ps(both, 1)};
  }

 private:
  static __m128i first_dwords(__m512i rows) {
    const __m512i first = _mm512_castsi128_si512(_mm_setr_epi32(0, 4, 8, 12));
    return _mm512_castsi512_si128(_mm512_permutexvar_epi32(first, rows));
  }
  static __m512i dwords(int a, int b, int c, int d) { return _mm512_broadcast_i32x4(_mm_setr_epi32(a, b, c, d)); }

  template <int kFirst, int kStep>
  struct alignas(64) Halves {
    uint16_t word[32];
    constexpr Halves() : word() {
      for (int i = 0; i < 32; ++i) word[i] = static_cast<uint16_t>(kFirst + i / 16 * kStep);
    }
  };
  template <int kFirst, int kStep>
  static constexpr Halves<kFirst, kStep> kHalves{};
};

template <class F, int kRows, class Floats, class At>
  requires(F::kSixBits)
COTERIE_INLINE Floats add_blocks(Floats acc, const At& block, const ActBlock256& x) {
  static_assert(kRows == 4 && __builtin_offsetof(typename F::Block, scales) == 4);
  const FourHeads heads(block);
  __m512i q[4], dots[kRows];
  for (int i = 0; i < 4; ++i) q[i] = W::activations<F>(x.q, i);
  unroll<kRows>([&](auto r) {
    block.prefetch(r.value);
    __m512i dot = _mm512_setzero_si512();
    unroll<4>([&](auto i) {
      const auto codes = F::template codes<W, W::first<F>(i.value)>(block(r.value));
      dot = W::add_scaled<F::kSigned>(dot, codes, q[i.value], heads.template scale<F, i.value, r.value>());
    });
    dots[r.value] = dot;
  });
  const FourHeads::Factors factors = heads.factors();
  acc = V::fma(V::mul(factors.d, x.d), W::reduce(dots), acc);
  return V::fma(V::mul(factors.dmin, -x.d), heads.dot_mins(V::sums(x.sum16)), acc);
}

template <class F, int kRows, class Floats, class At>
  requires(!F::kSixBits)
COTERIE_INLINE Floats add_blocks(Floats acc, const At& block, const ActBlock256& x) {
  const V::Sums sums = V::sums(x.sum16);
  __m512i q[4], dots[kRows];
  V::Dots min_dots[kRows];
  for (int i = 0; i < 4; ++i) q[i] = W::activations<F>(x.q, i);
  unroll<kRows>([&](auto r) {
    block.prefetch(r.value);
    const typename F::Block& b = block(r.value);
    const V::Groups groups = F::scales(b);
    const __m512i words = _mm512_castsi256_si512(V::words(groups));
    const typename F::Source source = F::source(b);
    __m512i dot = _mm512_inserti64x4(_mm512_setzero_si512(), V::zeros<F::kZero>(groups, sums), 0);
    unroll<4>([&](auto i) {
      const auto codes = F::template codes<W, W::first<F>(i.value)>(source);
      dot = W::add_scaled<F::kSigned>(dot, codes, q[i.value], W::scale<F, i.value>(words));
    });
    dots[r.value] = dot;
    if constexpr (F::kMins) min_dots[r.value] = V::dot(V::words(F::mins(b)), sums);
  });
  acc = V::fma(V::mul(F::template d<kRows>(block), x.d), W::reduce(dots), acc);
  if constexpr (F::kMins) acc = V::fma(V::mul(F::template dmin<kRows>(block), -x.d), V::reduce(min_dots), acc);
  return acc;
}
