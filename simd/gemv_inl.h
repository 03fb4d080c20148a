// Every format once, the loop once. Each isa_*.cpp includes this inside its own anonymous namespace, after float_inl.h
// and after defining V, its few operations on blocks:
//   Codes             32 bytes, unsigned codes or int8: load, nibbles, fifth_bits, bits, either
//   Dots              int32 partial sums of one row's block: dot, dot_signed, add_scaled
//   Scales            of a block of 256, as add_scaled wants them
//   Offsets, Sums     16 int16: mins or scales, and sums of 16 activations, for dot; zeros = -kZero * that
//   reduce            of the Dots of kRows32 or kRows256 rows: an int32 for each row; halves: their scales as floats
//
// The formats are codecs to one normal form, block by block:
//   w = d * (code - kZero)                               blocks of 32 that meet ActBlock32
//   w = d * scale * (code - kZero) - dmin * min          blocks of 256 that meet ActBlock256
// A new format: a struct here, a line in make_kernels, its ActKind in formats.h.

#define COTERIE_INLINE inline __attribute__((always_inline))

template <int n>
struct Index {
  static constexpr int value = n;
};

// body(Index<0>{}), body(Index<1>{}) ... : a loop whose counter is a constant, as shifts by immediates need.
template <int kCount, int kFrom = 0, class Body>
COTERIE_INLINE void unroll(const Body& body) {
  if constexpr (kFrom < kCount) {
    body(Index<kFrom>{});
    unroll<kCount, kFrom + 1>(body);
  }
}

inline uint64_t load_bytes(const void* p, size_t n) {  // little-endian
  uint64_t v = 0;
  __builtin_memcpy(&v, p, n);
  return v;
}

struct Q8_0 {
  using Block = BlockQ8_0;
  static constexpr bool kSigned = true;
  static constexpr int kZero = 0;
  static V::Codes codes(const Block& b) { return V::load(b.q); }
};

struct Q4_0 {
  using Block = BlockQ4_0;
  static constexpr bool kSigned = false;
  static constexpr int kZero = 8;
  static V::Codes codes(const Block& b) { return V::nibbles(b.q); }
};

struct Q5_0 {
  using Block = BlockQ5_0;
  static constexpr bool kSigned = false;
  static constexpr int kZero = 16;
  static V::Codes codes(const Block& b) {
    return V::either(V::nibbles(b.q), V::fifth_bits(static_cast<uint32_t>(load_bytes(b.high, 4))));
  }
};

// The twelve bytes of Q4_K and Q5_K hold eight scales and eight mins of 6 bits. Bytes 0-3 and 4-7: scales and mins
// 0-3 in the low six bits, bits 4-5 of scales and mins 4-7 in the high two. Bytes 8-11: their bits 0-3, mins on top.
inline void six_bit_scales(const uint8_t* s, V::Scales* scales, V::Offsets* mins) {
  const uint64_t first = load_bytes(s, 8), last = load_bytes(s + 8, 4);
  const uint64_t low = first & 0x3f3f3f3f3f3f3f3f;  // scales 0-3, mins 0-3
  const uint64_t high = (first >> 2 & 0x3030303030303030) | ((last | last << 28) & 0x0f0f0f0f0f0f0f0f);  // and 4-7
  V::scales_of_32(low, high, scales, mins);
}

struct Q4_K {
  using Block = BlockQ4_K;
  static constexpr bool kMins = true;
  static constexpr int kZero = 0;
  static void scales(const Block& b, V::Scales* scales, V::Offsets* mins) { six_bit_scales(b.scales, scales, mins); }
  template <int g>
  static V::Codes codes(const Block& b) {  // 32 bytes hold group g in their low, g + 1 in their high nibbles
    return V::template bits<g % 2 * 4, 15>(V::load(b.q + g / 2 * 32));
  }
};

struct Q5_K {
  using Block = BlockQ5_K;
  static constexpr bool kMins = true;
  static constexpr int kZero = 0;
  static void scales(const Block& b, V::Scales* scales, V::Offsets* mins) { six_bit_scales(b.scales, scales, mins); }
  template <int g>
  static V::Codes codes(const Block& b) {  // bit g of high[i] is the fifth bit of code i of group g
    return V::either(V::template bits<g % 2 * 4, 15>(V::load(b.q + g / 2 * 32)),
                     V::template bits<g - 4, 16>(V::load(b.high)));
  }
};

struct Q6_K {
  using Block = BlockQ6_K;
  static constexpr bool kMins = false;
  static constexpr int kZero = 32;
  static void scales(const Block& b, V::Scales* scales, V::Offsets* same) { V::scales_of_16(b.scales, scales, same); }
  template <int g>
  static V::Codes codes(const Block& b) {  // in halves of four groups: 64 bytes of low and 32 of high bits
    constexpr int half = g / 4, part = g % 4;
    return V::either(V::template bits<part / 2 * 4, 15>(V::load(b.low + 64 * half + 32 * (part % 2))),
                     V::template bits<2 * part - 4, 48>(V::load(b.high + 32 * half)));
  }
};

// kRows rows of weights. The blocks at one offset in all of them are computed together.
template <class Block, int kRows>
struct Tile {
  const uint8_t* row[kRows];

  const Block& block(int r, size_t at) const { return *reinterpret_cast<const Block*>(row[r] + at); }
  COTERIE_INLINE void prefetch(size_t at) const {
    for (size_t line = 0; line < sizeof(Block); line += 64)
      unroll<kRows>([&](auto r) { V::prefetch(row[r.value] + at + line); });
  }
};

// Adds one block of 32 of each row. |sum| <= 32 * 128 * 127 for int8, less for codes: exact.
template <class F, int kRows, class Floats>
COTERIE_INLINE Floats add_blocks(Floats acc, const Tile<typename F::Block, kRows>& tile, size_t at,
                                 const ActBlock32& x) {
  V::Dots dots[kRows];
  unroll<kRows>([&](auto r) {
    const V::Codes codes = F::codes(tile.block(r.value, at));
    if constexpr (F::kSigned) dots[r.value] = V::dot_signed(codes, x.q);
    else dots[r.value] = V::dot(codes, x.q);
  });
  auto sum = V::reduce(dots);
  if constexpr (F::kZero != 0) sum = V::sub(sum, F::kZero * x.sum);
  const auto d = V::template halves<kRows>([&](int r) { return tile.block(r, at).d; });
  return V::fma(V::mul(d, x.d), sum, acc);
}

// Adds one block of 256 of each row. Exact in int32: the greatest are Q6_K's sums, 256 * 63 * 127 * 128 for the codes
// and 256 * 32 * 127 * 128 for their zeros, together 0.39e9; its pairs in int16 are 2 * 63 * 127 at most.
template <class F, int kRows, class Floats>
COTERIE_INLINE Floats add_blocks(Floats acc, const Tile<typename F::Block, kRows>& tile, size_t at,
                                 const ActBlock256& x) {
  V::Dots dots[kRows], min_dots[kRows];
  const V::Sums sums = V::sums(x.sum16);
  unroll<kRows>([&](auto r) {
    const typename F::Block& b = tile.block(r.value, at);
    V::Scales scales;
    V::Offsets offsets;
    F::scales(b, &scales, &offsets);
    V::Dots dot = V::template zeros<F::kZero>(offsets, sums);
    unroll<8>([&](auto g) {
      dot = V::template add_scaled<g.value>(dot, F::template codes<g.value>(b), x.q + 32 * g.value, scales);
    });
    dots[r.value] = dot;
    if constexpr (F::kMins) min_dots[r.value] = V::dot(offsets, sums);
  });
  const auto d = V::template halves<kRows>([&](int r) { return tile.block(r, at).d; });
  acc = V::fma(V::mul(d, x.d), V::reduce(dots), acc);
  if constexpr (F::kMins) {
    const auto dmin = V::template halves<kRows>([&](int r) { return tile.block(r, at).dmin; });
    acc = V::fma(V::mul(dmin, -x.d), V::reduce(min_dots), acc);
  }
  return acc;
}

// Calls tile(row) for kRows rows at a time, where row[] are their numbers, and stores what it puts in out[].
// The rows of a tile lie far apart, each in its own kRows-th of [row0, row1): memory then sees kRows long sequential
// streams, which is what one core needs to use all the bandwidth it can. The last rows fill up a tile by repetition.
template <int kRows, class Tile>
inline void for_tiles(float* y, size_t row0, size_t row1, const Tile& tile) {
  const size_t step = (row1 - row0) / kRows, rest = (row1 - row0) % kRows;
  for (size_t t = 0; t < step + (rest != 0); ++t) {
    const bool full = t < step;
    size_t row[kRows];
    for (size_t r = 0; r < kRows; ++r) row[r] = full ? row0 + t + r * step : row1 - rest + (r < rest ? r : 0);
    float out[kRows];
    tile(out, row);
    for (size_t r = 0; r < (full ? kRows : rest); ++r) y[row[r]] = out[r];
  }
}

template <class F, class Act>
void gemv(float* y, const void* w, size_t row_bytes, size_t k, const void* x, size_t row0, size_t row1) {
  constexpr size_t kBlock = sizeof(Act::q), kBlockBytes = sizeof(typename F::Block);
  constexpr int kRows = kBlock == 32 ? V::kRows32 : V::kRows256;
  for_tiles<kRows>(y, row0, row1, [=](float* out, const size_t* row) {
    Tile<typename F::Block, kRows> tile;
    for (int r = 0; r < kRows; ++r) tile.row[r] = static_cast<const uint8_t*>(w) + row[r] * row_bytes;
    auto acc = V::template zero<kRows>();
    for (size_t i = 0; i < k / kBlock; ++i) {
      tile.prefetch(i * kBlockBytes);
      acc = add_blocks<F>(acc, tile, i * kBlockBytes, static_cast<const Act*>(x)[i]);
    }
    V::store(out, acc);
  });
}

// Rule 3. T: Single, Half or Brain.
template <class T>
void gemv_float(float* y, const void* w, size_t row_bytes, size_t k, const void* x_floats, size_t row0, size_t row1) {
  constexpr int kRows = 4;
  const float* x = static_cast<const float*>(x_floats);
  for_tiles<kRows>(y, row0, row1, [=](float* out, const size_t* row) {
    const T* p[kRows];
    Lanes acc[kRows];
    for (int r = 0; r < kRows; ++r) {
      p[r] = reinterpret_cast<const T*>(static_cast<const uint8_t*>(w) + row[r] * row_bytes);
      acc[r] = splat(0);
    }
    size_t i = 0;
    for (; i + 16 <= k; i += 16) {
      const Lanes xs = load(x + i);
      for (int r = 0; r < kRows; ++r) {
        V::prefetch(p[r] + i);
        acc[r] = fma(load(p[r] + i), xs, acc[r]);
      }
    }
    if (i < k) {
      const Lanes xs = load_tail(x + i, k - i);
      for (int r = 0; r < kRows; ++r) acc[r] = fma(load_tail(p[r] + i, k - i), xs, acc[r]);
    }
    for (int r = 0; r < kRows; ++r) out[r] = fold(acc[r]);
  });
}

constexpr uint32_t slot(TensorType type) { return static_cast<uint32_t>(type); }

constexpr Kernels make_kernels(const char* isa) {
  Kernels k = {};
  k.isa = isa;
  k.gemv[slot(TensorType::F32)] = gemv_float<Single>;
  k.gemv[slot(TensorType::F16)] = gemv_float<Half>;
  k.gemv[slot(TensorType::BF16)] = gemv_float<Brain>;
  k.gemv[slot(TensorType::Q4_0)] = gemv<Q4_0, ActBlock32>;
  k.gemv[slot(TensorType::Q5_0)] = gemv<Q5_0, ActBlock32>;
  k.gemv[slot(TensorType::Q8_0)] = gemv<Q8_0, ActBlock32>;
  k.gemv[slot(TensorType::Q4_K)] = gemv<Q4_K, ActBlock256>;
  k.gemv[slot(TensorType::Q5_K)] = gemv<Q5_K, ActBlock256>;
  k.gemv[slot(TensorType::Q6_K)] = gemv<Q6_K, ActBlock256>;
  k.quantize32 = quantize32;
  k.quantize256 = quantize256;
  k.sum_squares = sum_squares;
  k.exp_sum = exp_sum;
  k.max = max;
  k.mul = mul;
  k.silu_mul = silu_mul;
  k.sigmoid = sigmoid;
  k.axpy = axpy;
  k.add = add;
  k.to_f16 = to_f16;
  k.weighted_sum_f16 = weighted_sum_f16;
  return k;
}

#undef COTERIE_INLINE
