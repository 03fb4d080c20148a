// Rule 5: weighted sums of the rows of a cache. Included after unroll_inl.h and the definition of
//   kSums, kColumns   so many sums of kColumns times 16 columns fit the registers

// body(Index<T>{}, i) for groups of T <= kMost of n, the largest first.
template <int kMost, class Body>
COTERIE_INLINE void in_groups(size_t i, size_t n, const Body& body) {
  for (; i + kMost <= n; i += kMost) body(Index<kMost>{}, i);
  if constexpr (kMost > 1) in_groups<kMost / 2>(i, n, body);
}

// Some rows of a cache, n elements each.
struct RowRun {
  const uint8_t* rows;
  size_t row_bytes, n_rows, n;
};

// Adds the columns from i on, 16 C of them or, if that is not the whole, what is left, to T sums, beginning with row t0.
template <class Row, int T, int C, bool kWhole>
COTERIE_INLINE void add_columns(float* const* acc, const float* const* p, const RowRun& run, size_t t0, size_t i) {
  constexpr size_t kAhead = 32;  // rows: what is read of each is a line or two, which no hardware foresees
  const size_t tail = run.n - i;
  const float* weights[T];
  Lanes sums[T][C];
  unroll<T>([&](auto j) {
    weights[j.value] = p[j.value] + t0;
    unroll<C>([&](auto c) {
      const float* sum = acc[j.value] + i + 16 * c.value;
      sums[j.value][c.value] = kWhole ? load(sum) : load_tail(sum, tail);
    });
  });
  const uint8_t* row = run.rows + t0 * run.row_bytes;
  for (size_t t = 0; t < run.n_rows; ++t, row += run.row_bytes) {
    const auto* elements = reinterpret_cast<const Row*>(row);
    __builtin_prefetch(address_at(reinterpret_cast<const Row*>(row + kAhead * run.row_bytes), i));
    Lanes values[C];
    unroll<C>([&](auto c) {
      values[c.value] = kWhole ? load_at(elements, i + 16 * c.value) : load_tail_at(elements, i, tail);
    });
    unroll<T>([&](auto j) {
      const Lanes weight = splat(weights[j.value][t]);
      unroll<C>([&](auto c) { sums[j.value][c.value] = fma(weight, values[c.value], sums[j.value][c.value]); });
    });
  }
  unroll<T>([&](auto j) {
    unroll<C>([&](auto c) {
      float* sum = acc[j.value] + i + 16 * c.value;
      if (kWhole) store(sum, sums[j.value][c.value]);
      else store_tail(sum, sums[j.value][c.value], tail);
    });
  });
}

// Tiles of at most T sums by 16 C columns.
template <class Row, int T, int C>
COTERIE_INLINE void add_run(float* const* acc, const float* const* p, size_t n_sums, const RowRun& run, size_t t0) {
  const auto add = [&](auto columns, auto whole, size_t i) {
    in_groups<T>(0, n_sums, [&](auto count, size_t j) {
      add_columns<Row, decltype(count)::value, decltype(columns)::value, decltype(whole)::value>(acc + j, p + j, run, t0, i);
    });
  };
  in_groups<C>(0, run.n / 16, [&](auto columns, size_t column) { add(columns, Index<true>{}, 16 * column); });
  if (run.n % 16 != 0) add(Index<1>{}, Index<false>{}, run.n / 16 * 16);
}

template <class Row>
void weighted_sum(float* const* acc, const float* const* p, size_t n_sums, const void* v, size_t row_bytes, size_t n_rows,
                  size_t n) {
  constexpr size_t kRun = 128;  // rows whose lines of some columns stay in the L1 cache while all sums take them
  for (size_t t0 = 0; t0 < n_rows; t0 += kRun) {
    const RowRun run{static_cast<const uint8_t*>(v), row_bytes, n_rows - t0 < kRun ? n_rows - t0 : kRun, n};
    if (n_sums >= kSums / 2) add_run<Row, kSums, kColumns>(acc, p, n_sums, run, t0);
    else add_run<Row, kSums / 4, 4 * kColumns>(acc, p, n_sums, run, t0);
  }
}
