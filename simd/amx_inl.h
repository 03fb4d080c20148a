// Weights times many vectors of activations on AMX tiles, with the bits of gemv. Included after panel_inl.h.
//
// A tile product adds, for 16 vectors and 16 rows of weights, the sums over 64 (or 32) int8. A panel of 32 rows is unpacked
// block by block into the layout that its second operand has: a 32-bit lane belongs to a row and holds four consecutive
// weights. So the sums come out with a row in each lane, as the float steps of rule 2 want them.
//   blocks of 32    code - zero is an int8: one product
//   blocks of 256   scale * (code - zero) is an int16: its low bytes (unsigned) and its high bytes (signed) are two planes of
//                   int8, and the exact sum over the block is sum(low) + 256 * sum(high)

constexpr int kTileTokens = 16;
constexpr size_t kLeastTokens = 8;

// The tiles, whose numbers the intrinsics want as digits: 0 to 3 sums, 4 vectors and 5 rows of 64 int8, 6 vectors and 7 rows
// of 32.
struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 32, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 8};
};

// Tiles are the thread's own. gcc's tile intrinsics do not tell it what memory they read and write: hence the fences.
inline void memory_fence() { __asm__("" ::: "memory"); }

struct Tiles {
  Tiles() {
    const TileConfig config;
    memory_fence();
    _tile_loadconfig(&config);
  }
  ~Tiles() { _tile_release(); }
};

template <class F, class Act = typename F::Act>
struct Panel;

// What both kinds of panel keep of a block of 32 rows besides its codes.
struct PanelFactors {
  float d[kVectors][V::kLanes], m[kVectors][V::kLanes];
};

template <class F>
struct Panel<F, ActBlock32> : PanelFactors {
  static constexpr int kPlanes = 1;
  alignas(64) uint8_t codes[kVectors][8][4 * V::kLanes];

  template <class At>
  COTERIE_INLINE void unpack(int v, int lane, const At& block) {
    V::store(d[v] + lane, F::template d<V::kPack>(block));
    V::Codes rows[V::kPack];
    unroll<V::kPack>([&](auto r) {
      rows[r.value] = F::template codes<V>(block(r.value));
      if constexpr (F::kZero != 0) rows[r.value] = _mm256_sub_epi8(rows[r.value], _mm256_set1_epi8(F::kZero));
    });
    V::transpose(rows, codes[v][0] + 4 * lane, sizeof codes[v][0]);
    if constexpr (F::kMins) V::store(m[v] + lane, F::template m<V::kPack>(block));
  }

  void multiply(const int8_t* x, size_t stride, int32_t (*sums)[kPlanes][kTileTokens][V::kLanes]) const {
    memory_fence();
    _tile_zero(0);
    _tile_zero(1);
    _tile_loadd(6, x, stride);
    _tile_loadd(7, codes[0], 64);
    _tile_dpbssd(0, 6, 7);
    _tile_loadd(7, codes[1], 64);
    _tile_dpbssd(1, 6, 7);
    _tile_stored(0, sums[0][0], 64);
    _tile_stored(1, sums[1][0], 64);
    memory_fence();
  }

  static V::Ints sum(const int32_t (&sums)[kPlanes][kTileTokens][V::kLanes], int t) {
    return _mm512_load_si512(sums[0][t]);
  }
  V::Floats add_mins(int v, const ActBlock32& x, V::Floats acc) const {
    if constexpr (F::kMins) return V::fma(V::mul(V::load_floats(m[v]), x.d), V::splat_ints(x.sum), acc);
    else return acc;
  }
};

template <class F>
struct Panel<F, ActBlock256> : PanelFactors {
  static constexpr int kPlanes = 2;  // low and high bytes
  alignas(64) uint8_t codes[kPlanes][kVectors][64][4 * V::kLanes];
  int32_t mins[kVectors][8][V::kLanes];  // pairs of int16

  template <class At>
  COTERIE_INLINE void unpack(int v, int lane, const At& block) {
    V::store(d[v] + lane, F::template d<V::kPack>(block));
    alignas(16) int8_t scales[V::kPack][16];
    V::Codes pairs[V::kPack];
    typename F::Source source[V::kPack];
    unroll<V::kPack>([&](auto r) {
      source[r.value] = F::source(block(r.value));
      _mm_store_si128(reinterpret_cast<__m128i*>(scales[r.value]), F::scales(block(r.value)));
      if constexpr (F::kMins) pairs[r.value] = V::words(F::mins(block(r.value)));
    });
    unroll<8>([&](auto g) {
      V::Codes low[V::kPack], high[V::kPack];
      unroll<V::kPack>([&](auto r) {
        split(F::template codes<V, g.value>(source[r.value]), scales[r.value][2 * g.value], scales[r.value][2 * g.value + 1],
              &low[r.value], &high[r.value]);
      });
      V::transpose(low, codes[0][v][8 * g.value] + 4 * lane, sizeof codes[0][v][0]);
      V::transpose(high, codes[1][v][8 * g.value] + 4 * lane, sizeof codes[0][v][0]);
    });
    if constexpr (F::kMins) {
      V::transpose(pairs, reinterpret_cast<uint8_t*>(mins[v][0] + lane), sizeof mins[v][0]);
      V::store(m[v] + lane, F::template dmin<V::kPack>(block));
    }
  }

  // scale * (code - zero) of 32 weights, the first 16 with one scale, as bytes.
  static void split(V::Codes codes, int8_t scale0, int8_t scale1, V::Codes* low, V::Codes* high) {
    __m512i wide = F::kSigned ? _mm512_cvtepi8_epi16(codes) : _mm512_cvtepu8_epi16(codes);
    if constexpr (F::kZero != 0) wide = _mm512_sub_epi16(wide, _mm512_set1_epi16(F::kZero));
    const __m512i scale = _mm512_inserti64x4(_mm512_set1_epi16(scale0), _mm256_set1_epi16(scale1), 1);
    const __m512i product = _mm512_mullo_epi16(wide, scale);
    *low = _mm512_cvtepi16_epi8(product);
    *high = _mm512_cvtepi16_epi8(_mm512_srai_epi16(product, 8));
  }

  void multiply(const int8_t* x, size_t stride, int32_t (*sums)[kPlanes][kTileTokens][V::kLanes]) const {
    memory_fence();
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int k = 0; k < 4; ++k) {
      _tile_loadd(4, x + 64 * k, stride);
      _tile_loadd(5, codes[0][0][16 * k], 64);
      _tile_dpbsud(0, 4, 5);
      _tile_loadd(5, codes[1][0][16 * k], 64);
      _tile_dpbssd(1, 4, 5);
      _tile_loadd(5, codes[0][1][16 * k], 64);
      _tile_dpbsud(2, 4, 5);
      _tile_loadd(5, codes[1][1][16 * k], 64);
      _tile_dpbssd(3, 4, 5);
    }
    _tile_stored(0, sums[0][0], 64);
    _tile_stored(1, sums[0][1], 64);
    _tile_stored(2, sums[1][0], 64);
    _tile_stored(3, sums[1][1], 64);
    memory_fence();
  }

  static V::Ints sum(const int32_t (&sums)[kPlanes][kTileTokens][V::kLanes], int t) {
    return _mm512_add_epi32(_mm512_load_si512(sums[0][t]), _mm512_slli_epi32(_mm512_load_si512(sums[1][t]), 8));
  }
  V::Floats add_mins(int v, const ActBlock256& x, V::Floats acc) const {
    if constexpr (!F::kMins) return acc;
    V::Ints sum = V::splat_ints(0);
    for (int g = 0; g < 8; ++g) sum = V::add_pairs(sum, mins[v][g], x.sum16 + 2 * g);
    return V::fma(V::mul(V::load_floats(m[v]), -x.d), sum, acc);
  }
};

// acc[t] += the panel's rows, for 16 vectors of activations.
template <class F>
void meet(float (*acc)[kPanel], const Panel<F>& panel, const typename F::Act* const (&x)[kTileTokens]) {
  constexpr size_t kBlock = sizeof(F::Act::q);
  alignas(64) int8_t q[kTileTokens][kBlock];
  alignas(64) int32_t sums[kVectors][Panel<F>::kPlanes][kTileTokens][V::kLanes];
  for (int t = 0; t < kTileTokens; ++t) __builtin_memcpy(q[t], x[t]->q, kBlock);
  panel.multiply(q[0], kBlock, sums);
  for (int t = 0; t < kTileTokens; ++t) {
    for (int v = 0; v < kVectors; ++v) {
      float* out = acc[t] + v * V::kLanes;
      const V::Floats scaled = V::mul(V::load_floats(panel.d[v]), x[t]->d);
      const V::Floats a = V::fma(scaled, Panel<F>::sum(sums[v], t), V::load_floats(out));
      V::store(out, panel.add_mins(v, *x[t], a));
    }
  }
}

template <class F>
void gemm(float* const* y, const void* w, size_t row_bytes, size_t k, const void* const* x, size_t n, size_t row0,
          size_t row1) {
  if (n < kLeastTokens) {
    return kernels_avx512vnni.gemm[static_cast<uint32_t>(F::kType)](y, w, row_bytes, k, x, n, row0, row1);
  }
  const Tiles tiles;
  gemm_panels<F, Panel<F>, kTileTokens, kTileTokens>(
      y, w, row_bytes, k, x, n, row0, row1, [](auto acc, const Panel<F>* panel, size_t depth, auto& blocks) {
        for (size_t i = 0; i < depth; ++i) {
          meet<F>(acc, panel[i], blocks);
          for (auto& block : blocks) ++block;
        }
      });
}
