// Every format once, the loop once. Each isa_*.cpp includes this inside its own anonymous namespace, after float_inl.h
// and after defining V, its few operations on blocks:
//   Codes                        32 bytes: codes without their sign (load, nibbles, bits, either, fifth_bits) or int8
//   Dots                         int32 partial sums of one row's block; V::reduce adds up those of kRows rows
//   Scales, Sums                 16 int16, one for each 16 codes of a block of 256; the order of the lanes is V's affair
//   Ints, Rows                   kRows int32 or floats, one a row
//
// The formats are codecs to one normal form, block by block:
//   w = d * (code - kZero)                               blocks of 32 that meet ActBlock32
//   w = d * scale * (code - kZero) - dmin * min          blocks of 256 that meet ActBlock256
// A new format: a struct here, a line in make_kernels, its ActKind in formats.h.

template <int n>
struct Index {
  static constexpr int value = n;
};

// body(Index<0>{}), body(Index<1>{}) ... : a loop whose counter is a constant, as shifts by immediates need.
template <int kCount, int kFrom = 0, class Body>
inline __attribute__((always_inline)) void unroll(const Body& body) {
  if constexpr (kFrom < kCount) {
    body(Index<kFrom>{});
    unroll<kCount, kFrom + 1>(body);
  }
}

template <class T>
T load_int(const void* p) {
  T v;
  __builtin_memcpy(&v, p, sizeof v);
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
    return V::either(V::nibbles(b.q), V::fifth_bits(load_int<uint32_t>(b.high)));
  }
};

// The twelve bytes s of Q4_K and Q5_K hold eight scales and eight mins of 6 bits. Bytes 0-3 and 4-7: scales and mins
// 0-3 in the low six bits, bits 4-5 of scales and mins 4-7 in the high two. Bytes 8-11: their bits 0-3, mins on top.
inline uint64_t six_bit_scales(const uint8_t* s) {
  const uint32_t first = load_int<uint32_t>(s), last = load_int<uint32_t>(s + 8);
  return (first & 0x3f3f3f3f) | uint64_t((last & 0x0f0f0f0f) | (first >> 2 & 0x30303030)) << 32;
}
inline uint64_t six_bit_mins(const uint8_t* s) {
  const uint32_t first = load_int<uint32_t>(s + 4), last = load_int<uint32_t>(s + 8);
  return (first & 0x3f3f3f3f) | uint64_t((last >> 4 & 0x0f0f0f0f) | (first >> 2 & 0x30303030)) << 32;
}

struct Q4_K {
  using Block = BlockQ4_K;
  static constexpr bool kMins = true;
  static constexpr int kZero = 0;
  static V::Scales scales(const Block& b) { return V::scales_of_32(six_bit_scales(b.scales)); }
  static V::Scales mins(const Block& b) { return V::scales_of_32(six_bit_mins(b.scales)); }
  template <int g>
  static V::Codes codes(const Block& b) {  // 32 bytes hold group g in their low, g + 1 in their high nibbles
    return V::template bits<g % 2 * 4, 15>(V::load(b.q + g / 2 * 32));
  }
};

struct Q5_K {
  using Block = BlockQ5_K;
  static constexpr bool kMins = true;
  static constexpr int kZero = 0;
  static V::Scales scales(const Block& b) { return V::scales_of_32(six_bit_scales(b.scales)); }
  static V::Scales mins(const Block& b) { return V::scales_of_32(six_bit_mins(b.scales)); }
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
  static V::Scales scales(const Block& b) {
    return V::scales_of_16(load_int<uint64_t>(b.scales), load_int<uint64_t>(b.scales + 8));
  }
  template <int g>
  static V::Codes codes(const Block& b) {  // in halves of four groups: 64 bytes of low and 32 of high bits
    constexpr int half = g / 4, part = g % 4;
    return V::either(V::template bits<part / 2 * 4, 15>(V::load(b.low + 64 * half + 32 * (part % 2))),
                     V::template bits<2 * part - 4, 48>(V::load(b.high + 32 * half)));
  }
};

// One block of 32 of kRows rows. |sum| <= 32 * 128 * 127 for int8, less for codes: exact.
template <class F>
inline V::Rows add_block(V::Rows acc, const typename F::Block* const* w, const ActBlock32& x) {
  typename V::Dots dots[V::kRows];
  unroll<V::kRows>([&](auto r) {
    const typename F::Block& b = *w[r.value];
    V::prefetch(&b, sizeof b);
    if constexpr (F::kSigned) dots[r.value] = V::dot_signed(F::codes(b), x.q);
    else dots[r.value] = V::dot(F::codes(b), x.q);
  });
  typename V::Ints sum = V::reduce(dots);
  if constexpr (F::kZero != 0) sum = V::sub(sum, F::kZero * x.sum);
  return V::fma(V::mul(V::halves([&](int r) { return w[r]->d; }), x.d), sum, acc);
}

// One block of 256 of kRows rows. Exact in int32: the greatest are Q6_K's sums, 256 * 63 * 127 * 128 for the codes and
// 256 * 32 * 127 * 128 for their zeros, together 0.39e9; its pairs in int16 are 2 * 63 * 127 at most.
template <class F>
inline V::Rows add_block(V::Rows acc, const typename F::Block* const* w, const ActBlock256& x) {
  typename V::Dots dots[V::kRows], mins[V::kRows];
  const typename V::Sums sums = V::sums(x.sum16);
  for (int r = 0; r < V::kRows; ++r) {
    const typename F::Block& b = *w[r];
    V::prefetch(&b, sizeof b);
    const typename V::Scales scales = F::scales(b);
    typename V::Dots dot = V::template zeros<F::kZero>(scales, sums);
    unroll<8>([&](auto g) {
      dot = V::template add_scaled<g.value>(dot, F::template codes<g.value>(b), x.q + 32 * g.value, scales);
    });
    dots[r] = dot;
    if constexpr (F::kMins) mins[r] = V::dot(F::mins(b), sums);
  }
  acc = V::fma(V::mul(V::halves([&](int r) { return w[r]->d; }), x.d), V::reduce(dots), acc);
  if constexpr (F::kMins) acc = V::fma(V::mul(V::halves([&](int r) { return w[r]->dmin; }), -x.d), V::reduce(mins), acc);
  return acc;
}

// Calls tile(row) for kRows rows at a time, where row[] are their numbers, and stores what it puts in out[].
// The rows of a tile lie far apart, each in its own kRows-th of [row0, row1): memory then sees kRows long sequential
// streams, which is what one core needs to use all the bandwidth it can. The last rows fill up a tile by repetition.
template <int kRows, class Tile>
inline void for_tiles(float* y, size_t row0, size_t row1, const Tile& tile) {
  const size_t step = (row1 - row0) / kRows;
  size_t row[kRows];
  float out[kRows];
  for (size_t t = 0; t < step; ++t) {
    for (int r = 0; r < kRows; ++r) row[r] = row0 + t + r * step;
    tile(out, row);
    for (int r = 0; r < kRows; ++r) y[row[r]] = out[r];
  }
  const size_t first = row0 + step * kRows, n = row1 - first;
  if (n == 0) return;
  for (size_t r = 0; r < kRows; ++r) row[r] = first + (r < n ? r : n - 1);
  tile(out, row);
  for (size_t r = 0; r < n; ++r) y[first + r] = out[r];
}

template <class F, class Act>
void gemv(float* y, const void* w, size_t row_bytes, size_t k, const void* x, size_t row0, size_t row1) {
  constexpr size_t kBlock = sizeof(Act::q);
  for_tiles<V::kRows>(y, row0, row1, [=](float* out, const size_t* row) {
    const typename F::Block* block[V::kRows];
    for (int r = 0; r < V::kRows; ++r)
      block[r] = reinterpret_cast<const typename F::Block*>(static_cast<const uint8_t*>(w) + row[r] * row_bytes);
    const Act* act = static_cast<const Act*>(x);
    typename V::Rows acc = V::rows(0);
    for (size_t i = 0; i < k / kBlock; ++i) {
      acc = add_block<F>(acc, block, act[i]);
      for (int r = 0; r < V::kRows; ++r) ++block[r];
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
        V::prefetch(p[r] + i, 16 * sizeof(T));
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
