// Weights times one vector of activations. Included after blocks_inl.h or wide_inl.h, which know what to do with blocks; V
// provides besides
//   kRows32, kRows256   rows of a tile
//   zero<kRows>, store  a float for each row
//   prefetch            the line of an address, which need not be mapped

constexpr size_t kAheadBytes = 1024;  // of each row, what is fetched before it is met

// kRows rows of weights, stride bytes from one to the next. The blocks at one offset in all of them are computed together.
template <class Block, int kRows>
struct Tile {
  const uint8_t* four[(kRows + 3) / 4];  // the first of four rows each: few enough for registers
  size_t stride;

  Tile(const uint8_t* first, size_t stride) : stride(stride) {
    for (size_t i = 0; i < sizeof four / sizeof *four; ++i) four[i] = first + 4 * i * stride;
  }
  const uint8_t* row(int r) const { return four[r / 4] + static_cast<size_t>(r % 4) * stride; }
  const Block& block(int r, size_t at) const { return *reinterpret_cast<const Block*>(row(r) + at); }
  COTERIE_INLINE void prefetch(int r, size_t at) const {
    for (size_t line = 0; line < sizeof(Block); line += 64) V::prefetch(row(r) + at + line + kAheadBytes);
  }
};

// What add_blocks meets of a tile: the blocks at one offset, or part kPart of each. prefetch(r) fetches what row r meets
// later; called between the products of one row and the next, as memory takes in few lines at once.
template <class F, int kRows, int kPart>
struct BlocksAt {
  const Tile<typename F::Block, kRows>& tile;
  size_t at;

  decltype(auto) operator()(int r) const { return F::part(tile.block(r, at), kPart); }
  COTERIE_INLINE void prefetch(int r) const {
    if (kPart == 0 && at % 64 < sizeof(typename F::Block)) tile.prefetch(r, at);  // once for each line
  }
};

// Calls tile(out, row, step) for the rows row, row + step ... of which it puts kRows products in out[].
// The rows of a tile lie far apart, each in its own kRows-th of [row0, row1): memory then sees kRows long sequential
// streams, which is what one core needs to use all the bandwidth it can. What remains is done with its neighbours once more;
// fewer than kRows rows are done one by one.
template <int kRows, class Tile>
inline void for_tiles(float* y, size_t row0, size_t row1, const Tile& tile) {
  const size_t n = row1 - row0, far = n / kRows, count = far == 0 ? n : far + (n % kRows != 0);
  for (size_t t = 0; t < count; ++t) {
    const bool last = far != 0 && t == far;
    const size_t row = last ? row1 - kRows : row0 + t, step = last ? 1 : far;
    float out[kRows];
    tile(out, row, step);
    for (size_t r = 0; r < (far == 0 ? 1 : kRows); ++r) y[row + r * step] = out[r];
  }
}

// What the tiles of [row0, row1) meet before their own prefetches arrive: the beginning of each stream.
template <int kRows>
inline void prefetch_streams(const uint8_t* w, size_t row_bytes, size_t row0, size_t row1) {
  const size_t stream_bytes = (row1 - row0) / kRows * row_bytes;
  for (size_t at = 0; at < (stream_bytes < kAheadBytes ? stream_bytes : kAheadBytes); at += 64) {
#pragma GCC unroll 1
    for (size_t r = 0; r < kRows; ++r) V::prefetch(w + row0 * row_bytes + r * stream_bytes + at);
  }
}

template <class F>
__attribute__((flatten)) void gemv(float* y, const void* w, size_t row_bytes, size_t k, const void* x, size_t row0,
                                   size_t row1) {
  using Act = typename F::Act;
  constexpr size_t kBlock = sizeof(Act::q), kBlockBytes = sizeof(typename F::Block);
  constexpr int kRows = kBlock == 32 ? V::kRows32 : V::kRows256;
  const uint8_t* first = static_cast<const uint8_t*>(w);
  prefetch_streams<kRows>(first, row_bytes, row0, row1);
  for_tiles<kRows>(y, row0, row1, [=](float* out, size_t row, size_t step) {
    const Tile<typename F::Block, kRows> tile(first + row * row_bytes, step * row_bytes);
    auto acc = V::template zero<kRows>();
    const Act* act = static_cast<const Act*>(x);
    for (size_t i = 0; i < k / kBlock / F::kParts; ++i) {
      unroll<F::kParts>([&](auto part) {
        acc = add_blocks<F, kRows>(acc, BlocksAt<F, kRows, part.value>{tile, i * kBlockBytes}, *act++);
      });
    }
    V::store(out, acc);
  });
}

// Rule 3. T: Single, Half or Brain.
template <class T>
void gemv_float(float* y, const void* w, size_t row_bytes, size_t k, const void* x_floats, size_t row0, size_t row1) {
  constexpr int kRows = 4;
  const float* x = static_cast<const float*>(x_floats);
  for_tiles<kRows>(y, row0, row1, [=](float* out, size_t row, size_t step) {
    const T* p[kRows];
    Lanes acc[kRows];
    for (int r = 0; r < kRows; ++r) {
      p[r] = reinterpret_cast<const T*>(static_cast<const uint8_t*>(w) + (row + r * step) * row_bytes);
      acc[r] = splat(0);
    }
    size_t i = 0;
    for (; i + 16 <= k; i += 16) {
      const Lanes xs = load(x + i);
      for (int r = 0; r < kRows; ++r) {
        V::prefetch(reinterpret_cast<const char*>(p[r] + i) + kAheadBytes);
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
