// Blocks of eight rows, transposed before their codes are unpacked: a Column holds a dword of each. Where codes are fields of
// bits, that takes fewer shuffles than the codes would. Included by gemm_inl.h; U is V where that has kTransposesBlocks, which
// means Columns that are Codes, and
//   transpose         8 dwords, or 4, of each of eight rows to as many Columns
//   halves_apart      of a Column, floats of the low halves and of the high ones
//   store_words       a Column to 32 aligned bytes

// What codes_of<OnColumns, g> reads: a member of the blocks, from a multiple of 32 bytes on.
template <class U>
struct Columns {
  const typename U::Column* first;
  Columns operator+(int bytes) const { return {first + bytes / 4}; }
};
template <class U>
struct OnColumns : U {
  static typename U::Codes load(Columns<U> at) { return *at.first; }
};

// The members with codes of the blocks block(0) to block(7).
template <class F, class U>
class EightBlocks {
  using Block = typename F::Block;
  static constexpr int kQ = sizeof(Block::q) / 4, kHigh = [] {
    if constexpr (requires(Block b) { b.high; }) return static_cast<int>(sizeof(Block::high) / 4);
    else return 0;
  }();

 public:
  template <class At>
  COTERIE_INLINE explicit EightBlocks(const At& block) {
    take<kQ>(columns_, block, [](const Block& b) { return b.q; });
    if constexpr (kHigh != 0) take<kHigh>(columns_ + kQ, block, [](const Block& b) { return b.high; });
  }

  struct Dword { Columns<U> q, high; };
  Dword dword(int i) const { return {{columns_ + i}, {columns_ + kQ + i}}; }  // of each 32 bytes

 private:
  template <int kDwords, class At, class Member>
  COTERIE_INLINE static void take(typename U::Column* to, const At& block, const Member& member) {
    unroll<kDwords / 8>([&](auto run) {
      typename U::Codes rows[8];
      unroll<8>([&](auto r) { rows[r.value] = U::load(member(block(r.value)) + 32 * run.value); });
      typename U::Column dwords[8];
      U::transpose(rows, dwords);
      for (int i = 0; i < 8; ++i) to[8 * run.value + i] = dwords[i];
    });
  }

  typename U::Column columns_[kQ + kHigh];
};

// d and dmin, scales and mins of eight blocks with SixBits (codecs_256_inl.h): in scale and min a byte for each of four groups.
template <class U>
struct EightHeads {
  typename U::Column factors, scale[2], min[2];

  template <class At>
  COTERIE_INLINE explicit EightHeads(const At& block) {
    typename U::Groups heads[8];
    unroll<8>([&](auto r) { heads[r.value] = U::groups(&block(r.value)); });
    typename U::Column dwords[4];
    U::transpose(heads, dwords);
    factors = dwords[0];
    scale[0] = U::template bits<0, 0x3f>(dwords[1]);
    scale[1] = U::either(U::template bits<0, 0x0f>(dwords[3]), U::template bits<2, 0x30>(dwords[1]));
    min[0] = U::template bits<0, 0x3f>(dwords[2]);
    min[1] = U::either(U::template bits<4, 0x0f>(dwords[3]), U::template bits<2, 0x30>(dwords[2]));
  }
};
