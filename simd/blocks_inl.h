// Blocks of weights times one vector of activations: add_blocks adds, by rule 2, block(r), a block or a part of one, of each
// of kRows rows r, and asks for what row r meets later with block.prefetch(r). Included after codecs_inl.h; V provides besides
//   Dots              int32 partial sums of one row's block: dot, add_scaled
//   Scales            of a block of 256, prepared from Groups, as add_scaled wants them
//   Words, Sums       16 int16: mins or scales, and sums of 16 activations, for dot; zeros = -kZero * that
//   reduce            of the Dots of kRows32 or kRows256 rows: an int32 for each row
//   Sides             as Dots, but the first 16 codes of a block and the last 16 apart: dot_sides, reduce_sides of kRows32

// Adds one block of 32 of each row. |sum| <= 32 * 128 * 127 for int8, less for codes and for x.sum: exact.
template <class F, int kRows, class Floats, class At>
COTERIE_INLINE Floats add_blocks(Floats acc, const At& block, const ActBlock32& x) {
  if constexpr (F::kGroup == 16) {
    V::Sides dots[kRows];
    unroll<kRows>([&](auto r) {
      block.prefetch(r.value);
      dots[r.value] = V::template dot_sides<F::kSigned>(F::template codes<V>(block(r.value)), x.q);
    });
    const auto sums = V::reduce_sides(dots);
    acc = V::fma(V::mul(F::template d<kRows>(block), x.d), V::sub(sums.first, F::kZero * x.first_sum), acc);
    const auto last = V::sub(sums.last, F::kZero * (x.sum - x.first_sum));
    return V::fma(V::mul(F::template last_d<kRows>(block), x.d), last, acc);
  }
  V::Dots dots[kRows];
  unroll<kRows>([&](auto r) {
    block.prefetch(r.value);
    dots[r.value] = V::template dot<F::kSigned>(F::template codes<V>(block(r.value)), x.q);
  });
  auto sum = V::reduce(dots);
  if constexpr (F::kZero != 0) sum = V::sub(sum, F::kZero * x.sum);
  acc = V::fma(V::mul(F::template d<kRows>(block), x.d), sum, acc);
  if constexpr (F::kMins) acc = V::fma(V::mul(F::template m<kRows>(block), x.d), x.sum, acc);
  return acc;
}

// Adds one block of 256 of each row. Exact in int32: the greatest are Q6_K's sums, 256 * 63 * 127 * 128 for the codes
// and 256 * 32 * 127 * 128 for their zeros, together 0.39e9. Pairs of products in int16 are greatest for the codes of
// IQ4_XS, 2 * 127 * 127.
template <class F, int kRows, class Floats, class At>
COTERIE_INLINE Floats add_blocks(Floats acc, const At& block, const ActBlock256& x) {
  V::Dots dots[kRows], min_dots[kRows];
  const V::Sums sums = V::sums(x.sum16);
  unroll<kRows>([&](auto r) {
    block.prefetch(r.value);
    const typename F::Block& b = block(r.value);
    const V::Groups groups = F::scales(b);
    const V::Scales scales = V::scales(groups);
    const typename F::Source source = F::source(b);
    V::Dots dot = V::template zeros<F::kZero>(groups, sums);
    unroll<8>([&](auto g) {
      constexpr int i = g.value;
      dot = V::template add_scaled<i, F::kSigned>(dot, F::template codes<V, i>(source), x.q + 32 * i, scales);
    });
    dots[r.value] = dot;
    if constexpr (F::kMins) min_dots[r.value] = V::dot(V::words(F::mins(b)), sums);
  });
  acc = V::fma(V::mul(F::template d<kRows>(block), x.d), V::reduce(dots), acc);
  if constexpr (F::kMins) acc = V::fma(V::mul(F::template dmin<kRows>(block), -x.d), V::reduce(min_dots), acc);
  return acc;
}
