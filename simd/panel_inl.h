// The loop of gemm_inl.h and amx_inl.h. Included after codecs_inl.h; V provides besides
//   kLanes              32-bit lanes of a vector; kPack: rows that are unpacked at a time
//
// A panel of kPanel rows is unpacked once, block by block, and met by all vectors of activations: a 32-bit lane belongs to a
// row and holds four consecutive codes, so that sums need no reduction and the float steps of rule 2 serve a row in each
// lane.

constexpr int kVectors = 2, kPanel = kVectors * V::kLanes;

// meet(acc, panel, blocks) adds the products of the panel with the blocks of kTogether vectors to as many rows of acc. The
// last vectors are filled up by repetition: kernels for fewer would gain little and take long to compile.
template <class F, class Panel, int kTogether, class Meet>
COTERIE_INLINE void gemm_panels(float* const* y, const void* w, size_t row_bytes, size_t k, const void* const* x, size_t n,
                                size_t row0, size_t row1, const Meet& meet) {
  using Act = typename F::Act;
  constexpr size_t kBlock = sizeof(Act::q), kBlockBytes = sizeof(typename F::Block);
  static_assert(kGemmTokens % kTogether == 0);
  Panel panel;
  alignas(64) float acc[kGemmTokens][kPanel];
  for (; row0 < row1; row0 += kPanel) {
    const uint8_t* row[kPanel];  // beyond the last row, that one again
    for (size_t r = 0; r < kPanel; ++r)
      row[r] = static_cast<const uint8_t*>(w) + (row0 + r < row1 ? row0 + r : row1 - 1) * row_bytes;
    __builtin_memset(acc, 0, (n + kTogether - 1) / kTogether * kTogether * sizeof acc[0]);
    for (size_t b = 0; b < k / kBlock; ++b) {
      for (int r = 0; r < kPanel; r += V::kPack) {
        panel.unpack(r / V::kLanes, r % V::kLanes, [&](int i) -> const typename F::Block& {
          return *reinterpret_cast<const typename F::Block*>(row[r + i] + b * kBlockBytes);
        });
      }
      for (size_t t = 0; t < n; t += kTogether) {
        const Act* blocks[kTogether];
        for (size_t i = 0; i < kTogether; ++i) blocks[i] = static_cast<const Act*>(x[t + i < n ? t + i : n - 1]) + b;
        meet(acc + t, panel, blocks);
      }
    }
    for (size_t t = 0; t < n; ++t) {
      if (row1 - row0 >= kPanel) __builtin_memcpy(y[t] + row0, acc[t], sizeof acc[t]);
      else __builtin_memcpy(y[t] + row0, acc[t], (row1 - row0) * sizeof(float));
    }
  }
}
