// Weights times many vectors of activations, with the bits of gemv_inl.h. Included after it and panel_inl.h; V provides
// besides
//   kTransposesBlocks   whether it has the operations of transposed_inl.h
//   Ints, Floats        vectors of kLanes: splat_ints, load_floats, store, mul, fma
//   transpose           8 dwords of each of kPack rows to 8 Columns with a row in each lane, or to 8 vectors' parts
//   biased              signed codes + kBias<F>, for instructions that multiply unsigned by signed bytes
//   join                two Groups to Codes; of a Column of transposed ones, with four groups in each lane:
//   panel_scale, int16s the scale that add_group wants of one of the four; two of them as int16
//   kCentred, starts    whether add_group takes zeros off each sum, and where the sums begin then
//   kTogether, kFewer   vectors of activations that share what is loaded of a panel
//   kConvertsFloats     whether rows of halves that several tiles meet become floats first; fold_tile: another for some tiles
//   add_neighbours      8 sums of 32 activations from 16 sums of 16
//   add_group           adds the products of a group's codes, times its scale; add_pairs: of two mins with two sums

// Groups come in pairs for the offsets, with the sums of their activations.
template <class F>
constexpr int kPairs = 128 / F::kGroup;

#include "transposed_inl.h"

template <class F>
struct Panel {
  static constexpr int kBlock = sizeof(F::Act::q);
  static constexpr int kZero = F::kZero + V::template kBias<F>;  // of the codes as they are stored here
  static constexpr bool kOffsets = F::kMins || (kZero != 0 && !V::template kCentred<F>);
  alignas(64) uint8_t codes[kVectors][kBlock / 4][4 * V::kLanes];
  int32_t scales[kVectors][16][V::kLanes];  // of blocks of 256: of each group's first 16 weights
  int32_t offsets[kVectors][kPairs<F>][V::kLanes];  // likewise, pairs of int16: mins, or scales * -kZero
  float d[kVectors][V::kLanes], m[kVectors][V::kLanes];  // m: dmin, or the min of a block of 32, or d of its last 16

  // The blocks block(0), block(1) ... of kPack rows, which go to vector v from the given lane on.
  template <class At>
  COTERIE_INLINE void unpack(int v, int lane, const At& block) {
    unpack_codes(block, v, lane, static_cast<const typename F::Act*>(nullptr));
    if constexpr (F::kSixBits && V::kTransposesBlocks) return unpack_heads<V>(block, v, lane);
    V::store(d[v] + lane, F::template d<V::kPack>(block));
    if constexpr (kBlock == 256) unpack_scales(block, v, lane);
  }

 private:
  template <class At>
  COTERIE_INLINE void unpack_codes(const At& block, int v, int lane, const ActBlock32*) {
    V::Codes rows[V::kPack];
    unroll<V::kPack>([&](auto r) { rows[r.value] = V::template biased<F>(F::template codes<V>(block(r.value))); });
    V::transpose(rows, codes[v][0] + 4 * lane, sizeof codes[v][0]);
    if constexpr (F::kMins) V::store(m[v] + lane, F::template m<V::kPack>(block));
    if constexpr (F::kGroup == 16) V::store(m[v] + lane, F::template last_d<V::kPack>(block));
  }

  template <class At>
  COTERIE_INLINE void unpack_codes(const At& block, int v, int lane, const ActBlock256*) {
    if constexpr (F::kFields && V::kTransposesBlocks) return unpack_fields<V>(block, v, lane);
    typename F::Source source[V::kPack];
    unroll<V::kPack>([&](auto r) { source[r.value] = F::source(block(r.value)); });
    unroll<8>([&](auto g) {
      V::Codes rows[V::kPack];
      unroll<V::kPack>([&](auto r) {
        rows[r.value] = V::template biased<F>(F::template codes<V, g.value>(source[r.value]));
      });
      V::transpose(rows, codes[v][8 * g.value] + 4 * lane, sizeof codes[v][0]);
    });
  }
  template <class U, class At>
  COTERIE_INLINE void unpack_fields(const At& block, int v, int lane) {
    const EightBlocks<F, U> blocks(block);
    unroll<8>([&](auto g) {
      for (int i = 0; i < 8; ++i) {
        const auto four = F::template codes_of<OnColumns<U>, g.value>(blocks.dword(i));
        U::store_words(codes[v][8 * g.value + i] + 4 * lane, U::template biased<F>(four));
      }
    });
  }

  template <class At>
  COTERIE_INLINE void unpack_scales(const At& block, int v, int lane) {
    V::Codes groups[V::kPack];
    unroll<V::kPack>([&](auto r) {
      const V::Groups scales = F::scales(block(r.value));
      if constexpr (F::kMins) groups[r.value] = V::join(scales, F::mins(block(r.value)));
      else groups[r.value] = V::join(scales, scales);
    });
    V::Column fours[8];  // scales, then mins or scales again
    V::transpose(groups, fours);
    unroll<256 / F::kGroup>([&](auto g) {
      constexpr int i = g.value * F::kGroup / 16;
      V::store(scales[v][i] + lane, V::template panel_scale<F, i % 4>(fours[i / 4]));
    });
    if constexpr (kOffsets) {
      unroll<kPairs<F>>([&](auto pair) {
        constexpr int i = pair.value * F::kGroup / 8, second = i % 4 + F::kGroup / 16;
        constexpr int kFactor = F::kMins ? 1 : -kZero;
        V::store(offsets[v][pair.value] + lane, V::template int16s<i % 4, second, kFactor>(fours[4 + i / 4]));
      });
    }
    if constexpr (F::kMins) V::store(m[v] + lane, F::template dmin<V::kPack>(block));
  }
  // d, dmin, scales and mins.
  template <class U, class At>
  COTERIE_INLINE void unpack_heads(const At& block, int v, int lane) {
    static_assert(V::kPack == 8 && __builtin_offsetof(typename F::Block, scales) == 4);
    const EightHeads<U> heads(block);
    U::halves_apart(heads.factors, d[v] + lane, m[v] + lane);
    unroll<8>([&](auto g) {
      U::store(scales[v][2 * g.value] + lane, U::template panel_scale<F, g.value % 4>(heads.scale[g.value / 4]));
    });
    unroll<4>([&](auto pair) {
      constexpr int i = 2 * pair.value % 4;
      U::store(offsets[v][pair.value] + lane, U::template int16s<i, i + 1, 1>(heads.min[pair.value / 2]));
    });
  }
};

// acc[t] += a panel's rows, whose blocks have two scales, for block i of T vectors of activations.
template <class F, int T>
COTERIE_INLINE void meet_sides(float (*acc)[kPanel], const Panel<F>& panel, size_t i, const ActBlock32* const (&x)[T]) {
  unroll<2>([&](auto side) {
    const int8_t* q[T];
    typename V::Ints sum[kVectors][T];
    for (int t = 0; t < T; ++t) {
      const ActBlock32& b = x[t][i];
      q[t] = b.q + 16 * side.value;
      const int32_t sum_q = side.value == 0 ? b.first_sum : b.sum - b.first_sum;
      for (int v = 0; v < kVectors; ++v) sum[v][t] = V::splat_ints(-Panel<F>::kZero * sum_q);
    }
    V::template add_group<F, 4>(sum, panel.codes[0][4 * side.value], sizeof panel.codes[0], q, nullptr, 0, nullptr, 0);
    for (int v = 0; v < kVectors; ++v) {
      const auto d = V::load_floats(side.value == 0 ? panel.d[v] : panel.m[v]);
      for (int t = 0; t < T; ++t) {
        float* out = acc[t] + v * V::kLanes;
        V::store(out, V::fma(V::mul(d, x[t][i].d), sum[v][t], V::load_floats(out)));
      }
    }
  });
}

// acc[t] += the panels' rows, for T vectors of activations.
template <class F, int T>
void meet(float (*acc)[kPanel], const Panel<F>* panels, size_t depth, const ActBlock32* const (&x)[T]) {
  for (size_t i = 0; i < depth; ++i) {
    const Panel<F>& panel = panels[i];
    if constexpr (F::kGroup == 16) {
      meet_sides<F>(acc, panel, i, x);
      continue;
    }
    const int8_t* q[T];
    for (int t = 0; t < T; ++t) q[t] = x[t][i].q;
    typename V::Ints sum[kVectors][T];
    for (int v = 0; v < kVectors; ++v)
      for (int t = 0; t < T; ++t) sum[v][t] = V::splat_ints(-Panel<F>::kZero * x[t][i].sum);
    V::template add_group<F, 8>(sum, panel.codes[0][0], sizeof panel.codes[0], q, nullptr, 0, nullptr, 0);
    for (int v = 0; v < kVectors; ++v) {
      const auto d = V::load_floats(panel.d[v]);
      for (int t = 0; t < T; ++t) {
        const ActBlock32& b = x[t][i];
        float* out = acc[t] + v * V::kLanes;
        auto a = V::fma(V::mul(d, b.d), sum[v][t], V::load_floats(out));
        if constexpr (F::kMins) a = V::fma(V::mul(V::load_floats(panel.m[v]), b.d), V::splat_ints(b.sum), a);
        V::store(out, a);
      }
    }
  }
}

template <class F, int T>
void meet(float (*acc)[kPanel], const Panel<F>* panels, size_t, const ActBlock256* const (&x)[T]) {
  constexpr int kSteps = F::kGroup / 4;
  const Panel<F>& panel = *panels;
  alignas(64) int32_t starts[T][64];
  if constexpr (V::template kCentred<F>)
    for (int t = 0; t < T; ++t) V::template starts<F>(starts[t], *x[t]);
  alignas(16) int16_t sum32[T][8];
  if constexpr (Panel<F>::kOffsets && F::kGroup == 32)
    for (int t = 0; t < T; ++t) V::add_neighbours(x[t]->sum16, sum32[t]);
  typename V::Ints sum[kVectors][T];
  const auto clear = [&] {
    for (int v = 0; v < kVectors; ++v)
      for (int t = 0; t < T; ++t) sum[v][t] = V::splat_ints(0);
  };
  const auto add_offsets = [&] {
    for (int g = 0; g < kPairs<F>; ++g) {
      for (int v = 0; v < kVectors; ++v) {
        for (int t = 0; t < T; ++t) {
          const int16_t* sums = F::kGroup == 32 ? sum32[t] : x[t]->sum16;
          sum[v][t] = V::add_pairs(sum[v][t], panel.offsets[v][g], sums + 2 * g);
        }
      }
    }
  };
  clear();
  if constexpr (Panel<F>::kOffsets && !F::kMins) add_offsets();
  for (int g = 0; g < 64 / kSteps; ++g) {
    const int8_t* q[T];
    for (int t = 0; t < T; ++t) q[t] = x[t]->q + F::kGroup * g;
    V::template add_group<F, kSteps>(sum, panel.codes[0][g * kSteps], sizeof panel.codes[0], q,
                                     panel.scales[0][g * F::kGroup / 16], sizeof panel.scales[0], starts, g * kSteps);
  }
  typename V::Floats a[kVectors][T];
  for (int v = 0; v < kVectors; ++v) {
    const auto d = V::load_floats(panel.d[v]);
    for (int t = 0; t < T; ++t)
      a[v][t] = V::fma(V::mul(d, x[t]->d), sum[v][t], V::load_floats(acc[t] + v * V::kLanes));
  }
  if constexpr (F::kMins) {
    clear();
    add_offsets();
    for (int v = 0; v < kVectors; ++v) {
      const auto m = V::load_floats(panel.m[v]);
      for (int t = 0; t < T; ++t) a[v][t] = V::fma(V::mul(m, -x[t]->d), sum[v][t], a[v][t]);
    }
  }
  for (int v = 0; v < kVectors; ++v)
    for (int t = 0; t < T; ++t) V::store(acc[t] + v * V::kLanes, a[v][t]);
}

template <class F>
void gemm(float* const* y, const void* w, size_t row_bytes, size_t k, const void* const* x, size_t n, size_t row0,
          size_t row1) {
  if (n < V::kLeastGemm) {
    for (size_t i = 0; i < n; ++i) gemv<F>(y[i], w, row_bytes, k, x[i], row0, row1);
    return;
  }
  gemm_panels<F, Panel<F>, V::template kTogether<F>, V::kFewer>(
      y, w, row_bytes, k, x, n, row0, row1,
      [](auto acc, const Panel<F>* panel, size_t depth, auto& blocks) { meet<F>(acc, panel, depth, blocks); });
}

template <int R, int T>
COTERIE_INLINE void fold_tile(const Lanes (&a)[R][T], float* const* y, size_t row) {
  for (int r = 0; r < R; ++r)
    for (int t = 0; t < T; ++t) y[t][row + r] = fold(a[r][t]);
}

// Rows to come, whose lines a tile fetches as it goes over its own: a few at a time, as memory takes in only so many at once.
template <class W>
struct Ahead {
  const W* first;
  size_t row_bytes, n;

  COTERIE_INLINE void fetch(size_t i) const {  // the lines that begin at element i
    if (i % (64 / sizeof(W)) != 0) return;
    const auto* line = reinterpret_cast<const uint8_t*>(first + i);
    for (size_t r = 0; r < n; ++r) __builtin_prefetch(line + r * row_bytes);
  }
};

constexpr size_t kLeastDistance = 4096;  // bytes: nearer rows come too late (docs/performance.md, "The context")
constexpr size_t kMostConverted = 1024;  // elements of rows of halves that are kept as floats

// Rule 3 for tiles of R rows, the first one's number given, and T vectors, all of their lanes in registers. kSaves: whether
// the elements go to saved as floats, whose rows are kMostConverted apart.
template <bool kSaves, int R, int T, class W, class Next>
COTERIE_INLINE void float_tile(float* const* y, const W* w, size_t row_bytes, size_t k, const void* const* x, size_t row,
                               const Ahead<Next>& ahead, Single* saved) {
  const W* p[R];
  const float* xs[T];
  Lanes acc[R][T];
  for (int t = 0; t < T; ++t) xs[t] = static_cast<const float*>(x[t]);
  for (int r = 0; r < R; ++r) {
    p[r] = reinterpret_cast<const W*>(reinterpret_cast<const uint8_t*>(w) + r * row_bytes);
    for (int t = 0; t < T; ++t) acc[r][t] = splat(0);
  }
  const auto add = [&](size_t i, const auto& lanes) {
    Lanes ws[R];
    unroll<R>([&](auto r) {
      ws[r.value] = lanes(p[r.value] + i);
      if constexpr (kSaves) store(&saved[r.value * kMostConverted + i].value, ws[r.value]);
    });
    unroll<T>([&](auto t) {
      const Lanes v = lanes(xs[t.value] + i);
      unroll<R>([&](auto r) { acc[r.value][t.value] = fma(ws[r.value], v, acc[r.value][t.value]); });
    });
  };
  size_t i = 0;
  for (; i + 16 <= k; i += 16) {
    ahead.fetch(i);
    add(i, [](const auto* p) { return load(p); });
  }
  if (i < k) add(i, [n = k - i](const auto* p) { return load_tail(p, n); });
  fold_tile(acc, y, row);
}

template <class W>
void gemm_float(float* const* y, const void* w, size_t row_bytes, size_t k, const void* const* x, size_t n, size_t row0,
                size_t row1) {
  if (n == 1) return gemv_float<W>(y[0], w, row_bytes, k, x[0], row0, row1);
  constexpr int kMost = V::kFloatTokens;
  in_groups<V::kFloatRows>(row0, row1, [&](auto rows, size_t row) {
    constexpr size_t R = decltype(rows)::value;
    const auto row_at = [=](size_t r) {
      return reinterpret_cast<const W*>(static_cast<const uint8_t*>(w) + (row + r) * row_bytes);
    };
    const size_t distance = row_bytes != 0 && R * row_bytes < kLeastDistance ? kLeastDistance / row_bytes : R;
    const auto tile = [&](auto saves, auto count, size_t t, const auto* from, size_t stride, Single* saved) {
      constexpr size_t T = decltype(count)::value;
      const auto before = [=](size_t t) { return (R * t + n - 1) / n; };  // of R rows to come, those that tiles before t fetch
      const Ahead<W> ahead{row_at(distance + before(t)), row_bytes, before(t + T) - before(t)};
      float_tile<decltype(saves)::value, R, T>(y + t, from, stride, k, x + t, row, ahead, saved);
    };
    if (V::kConvertsFloats && sizeof(W) < sizeof(float) && n > kMost && k <= kMostConverted) {  // once for all tiles
      alignas(64) Single converted[R * kMostConverted];
      tile(Index<true>{}, Index<kMost>{}, 0, row_at(0), row_bytes, converted);
      in_groups<kMost>(kMost, n, [&](auto count, size_t t) {
        tile(Index<false>{}, count, t, converted, kMostConverted * sizeof(Single), nullptr);
      });
    } else {
      in_groups<kMost>(0, n, [&](auto count, size_t t) { tile(Index<false>{}, count, t, row_at(0), row_bytes, nullptr); });
    }
  });
}
