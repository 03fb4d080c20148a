// The loop of gemm_inl.h and amx_inl.h. Included after codecs_inl.h; V provides besides
//   kLanes              32-bit lanes of a vector; kPack: rows that are unpacked at a time
//
// A panel of kPanel rows is unpacked once, block by block, and met by all vectors of activations: a 32-bit lane belongs to a
// row and holds four consecutive codes, so that sums need no reduction and the float steps of rule 2 serve a row in each
// lane.

constexpr int kVectors = 2, kPanel = kVectors * V::kLanes;

// Panels are 256 weights deep: one block, or up to eight of 32. meet(acc, panel, depth, blocks) adds their products with
// those of kTogether or kFewer vectors to as many rows of acc. The last vectors are filled up by repetition: kernels for
// fewer would gain little and take long to compile.
template <class F, class Panel, int kTogether, int kFewer, class Meet>
COTERIE_INLINE void gemm_panels(float* const* y, const void* w, size_t row_bytes, size_t k, const void* const* x, size_t n,
                                size_t row0, size_t row1, const Meet& meet) {
  using Act = typename F::Act;
  using Block = typename F::Block;
  constexpr size_t kBlock = sizeof(Act::q), kDepth = 256 / kBlock;
  Panel panel[kDepth];
  alignas(64) float acc[kGemmTokens + kTogether][kPanel];
  for (; row0 < row1; row0 += kPanel) {
    const uint8_t* row[kPanel];  // beyond the last row, that one again
    for (size_t r = 0; r < kPanel; ++r)
      row[r] = static_cast<const uint8_t*>(w) + (row0 + r < row1 ? row0 + r : row1 - 1) * row_bytes;
    __builtin_memset(acc, 0, (n + kTogether) * sizeof acc[0]);
    for (size_t b = 0; b < k / kBlock; b += kDepth) {
      const size_t depth = k / kBlock - b < kDepth ? k / kBlock - b : kDepth;
      for (size_t i = 0; i < depth; ++i) {
        for (int r = 0; r < kPanel; r += V::kPack) {
          panel[i].unpack(r / V::kLanes, r % V::kLanes, [&](int j) -> decltype(auto) {
            return F::part(reinterpret_cast<const Block*>(row[r + j])[(b + i) / F::kParts], (b + i) % F::kParts);
          });
        }
      }
      // Meanwhile what comes next is fetched, in the end of the next panel.
      size_t ahead = (b + kDepth) / F::kParts * sizeof(Block), fetched = 0;
      if (ahead >= row_bytes) ahead = kPanel * row_bytes;
      for (size_t t = 0; t < n;) {
        const auto with = [&](auto count) {
          constexpr size_t T = decltype(count)::value;
          const Act* blocks[T];
          for (size_t i = 0; i < T; ++i) blocks[i] = static_cast<const Act*>(x[t + i < n ? t + i : n - 1]) + b;
          for (; fetched < kPanel && fetched * n < (t + T) * kPanel; ++fetched)
            for (size_t i = 0; i < kDepth / F::kParts * sizeof(Block) + 63; i += 64)
              __builtin_prefetch(row[fetched] + ahead + i);
          meet(acc + t, panel, depth, blocks);
          t += T;
        };
        const size_t rest = n - t;
        const bool few = rest <= kFewer || (rest > kTogether && rest <= 2 * kFewer);
        if (kFewer < kTogether && few) with(Index<kFewer>{});
        else with(Index<kTogether>{});
      }
    }
    for (size_t t = 0; t < n; ++t) {
      if (row1 - row0 >= kPanel) __builtin_memcpy(y[t] + row0, acc[t], sizeof acc[t]);
      else __builtin_memcpy(y[t] + row0, acc[t], (row1 - row0) * sizeof(float));
    }
  }
}
