// Rule 5: weighted sums of the rows of a cache. Included after unroll_inl.h and the definition of
//   kSums, kColumns   so many sums of kColumns times 16 columns fit the registers

// body(Index<T>{}, i) for groups of T <= kMost of n, the largest first.
template <int kMost, class Body>
COTERIE_INLINE void in_groups(size_t i, size_t n, const Body& body) {
  for (; i + kMost <= n; i += kMost) body(Index<kMost>{}, i);
  if constexpr (kMost > 1) in_groups<kMost / 2>(i, n, body);
}

// Adds some rows to T sums of C times 16 columns each; at(row, c) gives the columns 16 c and following of those.
template <class Row, int T, int C, class At>
COTERIE_INLINE void add_rows(Lanes (&acc)[T][C], const float* const* p, const uint8_t* v, size_t row_bytes, size_t n_rows,
                             const At& at) {
  for (size_t t = 0; t < n_rows; ++t) {
    Lanes row[C];
    for (int c = 0; c < C; ++c) row[c] = at(reinterpret_cast<const Row*>(v + t * row_bytes), c);
    for (int j = 0; j < T; ++j) {
      const Lanes weight = splat(p[j][t]);
      for (int c = 0; c < C; ++c) acc[j][c] = fma(weight, row[c], acc[j][c]);
    }
  }
}

template <class Row>
void weighted_sum(float* const* acc, const float* const* p, size_t n_sums, const void* v, size_t row_bytes, size_t n_rows,
                  size_t n) {
  constexpr size_t kRun = 32;  // rows that stay in the L1 cache while all sums take them
  for (size_t t0 = 0; t0 < n_rows; t0 += kRun) {
    const size_t run = n_rows - t0 < kRun ? n_rows - t0 : kRun;
    const auto* rows = static_cast<const uint8_t*>(v) + t0 * row_bytes;
    const auto add = [&](auto columns, size_t i) {
      in_groups<kSums>(0, n_sums, [&](auto count, size_t j0) {
        constexpr int T = decltype(count)::value, C = decltype(columns)::value;
        const float* weights[T];
        Lanes sums[T][C];
        const bool whole = i + 16 * C <= n;
        for (int j = 0; j < T; ++j) {
          weights[j] = p[j0 + j] + t0;
          for (int c = 0; c < C; ++c) {
            const float* sum = acc[j0 + j] + i + 16 * c;
            sums[j][c] = whole ? load(sum) : load_tail(sum, n - i);
          }
        }
        if (whole) {
          add_rows<Row>(sums, weights, rows, row_bytes, run, [=](const Row* r, int c) { return load_at(r, i + 16 * c); });
        } else {
          add_rows<Row>(sums, weights, rows, row_bytes, run, [=](const Row* r, int) { return load_tail_at(r, i, n - i); });
        }
        for (int j = 0; j < T; ++j) {
          for (int c = 0; c < C; ++c) {
            float* sum = acc[j0 + j] + i + 16 * c;
            if (whole) store(sum, sums[j][c]);
            else store_tail(sum, sums[j][c], n - i);
          }
        }
      });
    };
    size_t i = 0;
    for (; i + 16 * kColumns <= n; i += 16 * kColumns) add(Index<kColumns>{}, i);
    for (; i < n; i += 16) add(Index<1>{}, i);
  }
}
