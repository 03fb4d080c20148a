// Rule 5: weighted sums of the rows of a cache. Included after unroll_inl.h.

// body(Index<T>{}, i) for groups of T <= kMost of n, the largest first.
template <int kMost, class Body>
COTERIE_INLINE void in_groups(size_t i, size_t n, const Body& body) {
  for (; i + kMost <= n; i += kMost) body(Index<kMost>{}, i);
  if constexpr (kMost > 1) in_groups<kMost / 2>(i, n, body);
}

// 16 columns of T sums over some rows; `at` gives the columns of a row.
template <int T, class Row, class At>
COTERIE_INLINE void add_rows(Lanes (&acc)[T], const float* const* p, const uint8_t* v, size_t row_bytes, size_t n_rows,
                             const At& at) {
  for (size_t t = 0; t < n_rows; ++t) {
    const Lanes row = at(reinterpret_cast<const Row*>(v + t * row_bytes));
    for (int j = 0; j < T; ++j) acc[j] = fma(splat(p[j][t]), row, acc[j]);
  }
}

template <class Row>
void weighted_sum(float* const* acc, const float* const* p, size_t n_sums, const void* v, size_t row_bytes, size_t n_rows,
                  size_t n) {
  constexpr size_t kRun = 32;  // rows that stay in the L1 cache while all sums take them
  constexpr int kTogether = 4;
  for (size_t t0 = 0; t0 < n_rows; t0 += kRun) {
    const size_t run = n_rows - t0 < kRun ? n_rows - t0 : kRun;
    const auto* rows = static_cast<const uint8_t*>(v) + t0 * row_bytes;
    for (size_t i = 0; i < n; i += 16) {
      in_groups<kTogether>(0, n_sums, [&](auto count, size_t j0) {
        constexpr int T = decltype(count)::value;
        const float* weights[T];
        Lanes sums[T];
        const bool whole = i + 16 <= n;
        for (int j = 0; j < T; ++j) {
          weights[j] = p[j0 + j] + t0;
          sums[j] = whole ? load(acc[j0 + j] + i) : load_tail(acc[j0 + j] + i, n - i);
        }
        if (whole) add_rows<T, Row>(sums, weights, rows, row_bytes, run, [=](const Row* r) { return load_at(r, i); });
        else add_rows<T, Row>(sums, weights, rows, row_bytes, run, [=](const Row* r) { return load_tail_at(r, i, n - i); });
        for (int j = 0; j < T; ++j) {
          if (whole) store(acc[j0 + j] + i, sums[j]);
          else store_tail(acc[j0 + j] + i, sums[j], n - i);
        }
      });
    }
  }
}
