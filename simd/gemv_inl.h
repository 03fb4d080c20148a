// Weights times one vector of activations. Included after codecs_inl.h; V provides besides
//   Dots              int32 partial sums of one row's block: dot, add_scaled
//   Scales            of a block of 256, prepared from Groups, as add_scaled wants them
//   Words, Sums       16 int16: mins or scales, and sums of 16 activations, for dot; zeros = -kZero * that
//   reduce            of the Dots of kRows32 or kRows256 rows: an int32 for each row

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

// Adds one block of 32 of each row. |sum| <= 32 * 128 * 127 for int8, less for codes and for x.sum: exact.
template <class F, int kRows, class Floats>
COTERIE_INLINE Floats add_blocks(Floats acc, const Tile<typename F::Block, kRows>& tile, size_t at,
                                 const ActBlock32& x) {
  const auto block = [&](int r) -> const typename F::Block& { return tile.block(r, at); };
  V::Dots dots[kRows];
  unroll<kRows>([&](auto r) { dots[r.value] = V::template dot<F::kSigned>(F::codes(block(r.value)), x.q); });
  auto sum = V::reduce(dots);
  if constexpr (F::kZero != 0) sum = V::sub(sum, F::kZero * x.sum);
  acc = V::fma(V::mul(F::template d<kRows>(block), x.d), sum, acc);
  if constexpr (F::kMins) acc = V::fma(V::mul(F::template m<kRows>(block), x.d), x.sum, acc);
  return acc;
}

// Adds one block of 256 of each row. Exact in int32: the greatest are Q6_K's sums, 256 * 63 * 127 * 128 for the codes
// and 256 * 32 * 127 * 128 for their zeros, together 0.39e9. Pairs of products in int16 are greatest for the codes of
// IQ4_XS, 2 * 127 * 127.
template <class F, int kRows, class Floats>
COTERIE_INLINE Floats add_blocks(Floats acc, const Tile<typename F::Block, kRows>& tile, size_t at,
                                 const ActBlock256& x) {
  const auto block = [&](int r) -> const typename F::Block& { return tile.block(r, at); };
  V::Dots dots[kRows], min_dots[kRows];
  const V::Sums sums = V::sums(x.sum16);
  unroll<kRows>([&](auto r) {
    const typename F::Block& b = block(r.value);
    const V::Groups groups = F::scales(b);
    const V::Scales scales = V::scales(groups);
    const typename F::Source source = F::source(b);
    V::Dots dot = V::template zeros<F::kZero>(groups, sums);
    unroll<8>([&](auto g) {
      constexpr int i = g.value;
      dot = V::template add_scaled<i, F::kSigned>(dot, F::template codes<i>(source), x.q + 32 * i, scales);
    });
    dots[r.value] = dot;
    if constexpr (F::kMins) min_dots[r.value] = V::dot(V::words(F::mins(b)), sums);
  });
  acc = V::fma(V::mul(F::template d<kRows>(block), x.d), V::reduce(dots), acc);
  if constexpr (F::kMins) acc = V::fma(V::mul(F::template dmin<kRows>(block), -x.d), V::reduce(min_dots), acc);
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

template <class F>
void gemv(float* y, const void* w, size_t row_bytes, size_t k, const void* x, size_t row0, size_t row1) {
  using Act = typename F::Act;
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
