// Formats of blocks of 256 whose codes are points of a grid (grids.h), picked by an index for 8 or 4 of them; included
// by codecs_inl.h. codes<W, g> as in codecs_256_inl.h. The indices and signs of a whole block, its source, are unpacked first,
// in vectors that the compiler knows for every machine.

using U8x16 = uint8_t __attribute__((vector_size(16)));
using U16x16 = uint16_t __attribute__((vector_size(32)));
using I16x16 = int16_t __attribute__((vector_size(32)));
using U32x8 = uint32_t __attribute__((vector_size(32)));
using U64x4 = uint64_t __attribute__((vector_size(32)));

// By reference: as arguments, vectors would need registers that not every machine has.
template <class T>
COTERIE_INLINE void read(T& v, const void* p) { __builtin_memcpy(&v, p, sizeof v); }
template <class T>
COTERIE_INLINE void write(void* p, const T& v) {
  __builtin_memcpy(p, &v, sizeof v);
  __asm__("" : "+m"(*static_cast<T*>(p)));  // gcc would rather take single words out of registers than load them
}

// Each of kWords words 16 / kWords times.
template <int kWords>
COTERIE_INLINE void repeat(U16x16& v, const void* words) {
  const uint64_t all = load_bytes(words, 2 * kWords);
  if constexpr (kWords == 1) {
    v = U16x16{} + static_cast<uint16_t>(all);
  } else if constexpr (kWords == 2) {
    const U32x8 both = U32x8{} + static_cast<uint32_t>(all);
    read(v, &both);
    v = __builtin_shufflevector(v, v, 0, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9);
  } else {
    const U64x4 four = U64x4{} + all;
    read(v, &four);
    v = __builtin_shufflevector(v, v, 0, 0, 0, 0, 1, 1, 1, 1, 10, 10, 10, 10, 11, 11, 11, 11);
  }
}

// 2^(top - stride * i) for the i-th of the lanes that share a word.
template <int kWords, int kTop, int kStride>
struct alignas(32) Factors {
  uint16_t v[16] = {};
  constexpr Factors() {
    for (int i = 0; i < 16; ++i) v[i] = static_cast<uint16_t>(1 << (kTop - kStride * (i % (16 / kWords))));
  }
};
template <int kWords, int kTop, int kStride>
constexpr Factors<kWords, kTop, kStride> kFactors;

// 16 indices: eight bits each at low, and kBits more from kWords words, which have a field for one each kStride bits.
template <int kWords, int kBits, int kStride = kBits>
COTERIE_INLINE void unpack_indices(uint16_t* index, const uint8_t* low, const uint8_t* words) {
  U8x16 bytes;
  U16x16 high, factors;
  read(bytes, low);
  read(factors, kFactors<kWords, 16 - kBits, kStride>.v);
  repeat<kWords>(high, words);
  constexpr uint16_t kMask = ((1 << kBits) - 1) << 8;
  write(index, __builtin_convertvector(bytes, U16x16) | (high * factors >> (8 - kBits) & kMask));
}

// All indices of a block, whose other fields stay where they are.
template <class Block, int kCount>
struct Indices {
  alignas(32) uint16_t index[kCount];
  const Block* block;
};
template <class Source, int kWords, int kBits, class Block>
COTERIE_INLINE Source unpack_indices(const Block& b) {
  Source s;
  for (size_t i = 0; i < sizeof s.index / 32; ++i)
    unpack_indices<kWords, kBits>(s.index + 16 * i, b.index + 16 * i, b.high + 2 * kWords * i);
  s.block = &b;
  return s;
}

// Seven bits in each byte; the eighth makes the number of ones even.
template <class Bytes>
COTERIE_INLINE void make_even(Bytes& bytes) {
  Bytes parity = bytes ^ bytes << 4;  // in the end bit 7 is that of all seven; nothing else crosses to it
  parity ^= parity << 2;
  parity ^= parity << 1;
  bytes |= parity & each_byte(0x80);
}
// Four fields of seven bits in each half, the lowest first, to bytes with an eighth as above.
template <class Halves>
COTERIE_INLINE void unpack_signs(Halves& v) {
  v = (v & 0x00003fff00003fff) | (v << 2 & 0x3fff00003fff0000);
  v = (v & 0x007f007f007f007f) | (v << 1 & 0x7f007f007f007f00);
  make_even(v);
}

// Scales 2 n + 1 for each byte n, and for the nibbles of eight bytes, low ones first.
constexpr uint64_t odd(uint64_t n) { return n << 1 | each_byte(1); }
COTERIE_INLINE V::Groups odd_nibbles(const uint8_t* p) {
  return V::groups(odd(fields<4>(load_bytes(p, 4))), odd(fields<4>(load_bytes(p + 4, 4))));
}

// w = d / kParts * scale * code
template <TensorType kTensorType, class BlockOf, int kParts>
struct GridCodec : Codec<kTensorType, BlockOf, ActBlock256> {
  template <int kRows, class At>
  static auto d(const At& block) {
    return V::mul(Codec<kTensorType, BlockOf, ActBlock256>::template d<kRows>(block), 1.0f / kParts);
  }
};

// The points of a group's indices, and where W's codes are those of two groups, of its indices too.
template <class W, class Point, int kPoints, class Index>
COTERIE_INLINE typename W::Codes points(const Grid<Point, kPoints>& grid, const Index* first, const Index* second) {
  const auto point = [&](int i) { return grid.point[first[i]]; };
  if constexpr (kWide<W>) return W::points(grid.point, first, second);
  else if constexpr (sizeof(Point) == 8) return V::quads(point(0), point(1), point(2), point(3));
  else return V::eights(point(0), point(1), point(2), point(3), point(4), point(5), point(6), point(7));
}
// The same with signs from p on, a bit for each code.
template <class W, class Point, int kPoints, class Index>
COTERIE_INLINE auto signed_points(const Grid<Point, kPoints>& grid, const Index* first, const Index* second, const void* p) {
  return W::negate(points<W>(grid, first, second), load_bytes(p, sizeof(typename W::Codes) / 8));
}

// A group: four indices, four times seven bits of sign, half the scale in four bits.
struct IQ2_XXS : GridCodec<TensorType::IQ2_XXS, BlockIQ2_XXS, 8> {
  static constexpr bool kSigned = true;
  static constexpr int kMost = 43, kStep = 4;
  struct Source {
    alignas(32) uint32_t signs[4][2];  // of groups g and g + 4
    const Block* block;
  };
  COTERIE_INLINE static Source source(const Block& b) {
    U64x4 first, last;
    read(first, b.group);
    read(last, b.group + 4);
    U64x4 signs = first >> 32 | (last & 0xffffffff00000000);
    unpack_signs(signs);
    Source s;
    write(s.signs, signs);
    s.block = &b;
    return s;
  }
  static V::Groups scales(const Block& b) {
    uint64_t halves = 0;
    for (int g = 0; g < 8; ++g) halves |= load_bytes(b.group[g].signs, 4) >> 28 << 8 * g;
    return V::doubled(odd(halves));
  }
  template <class W, int g>
  static auto codes(const Source& s) {
    const auto* group = s.block->group;
    return signed_points<W>(kGridIQ2_XXS, group[g].index, group[(g + kStep) % 8].index, &s.signs[g % 4][g / 4]);
  }
};

// Nine bits of index and seven of sign for 8 weights.
struct IQ2_XS : GridCodec<TensorType::IQ2_XS, BlockIQ2_XS, 8> {
  static constexpr bool kSigned = true;
  static constexpr int kMost = 43, kGroup = 16, kStep = 1;
  struct Source {
    alignas(32) uint16_t index[32];
    uint32_t signs[8];
  };
  COTERIE_INLINE static Source source(const Block& b) {
    U64x4 first, last;
    read(first, b.q);
    read(last, b.q + 32);
    Source s;
    write(s.index, first & 0x01ff01ff01ff01ff);
    write(s.index + 16, last & 0x01ff01ff01ff01ff);
    pack_signs(first);
    pack_signs(last);
    U64x4 pairs = (first & 0xffffffff) | last << 32;
    make_even(pairs);
    U32x8 signs;
    read(signs, &pairs);
    write(s.signs, __builtin_shufflevector(signs, signs, 0, 2, 4, 6, 1, 3, 5, 7));
    return s;
  }
  static V::Groups scales(const Block& b) { return odd_nibbles(b.scales); }
  template <class W, int g>
  static auto codes(const Source& s) {
    return signed_points<W>(kGridIQ2_XS, s.index + 4 * g, s.index + (4 * g + 4 * kStep) % 32, s.signs + g);
  }

 private:
  COTERIE_INLINE static void pack_signs(U64x4& v) {  // of the four words of a lane to its low half
    v = v >> 9 & 0x007f007f007f007f;
    v = (v | v >> 8) & 0x0000ffff0000ffff;
    v |= v >> 16;
  }
};

// Ten bits of index and a byte of signs for 8 weights.
struct IQ2_S : GridCodec<TensorType::IQ2_S, BlockIQ2_S, 8> {
  static constexpr bool kSigned = true;
  static constexpr int kMost = 43, kGroup = 16, kStep = 1;
  using Source = Indices<Block, 32>;
  COTERIE_INLINE static Source source(const Block& b) { return unpack_indices<Source, 2, 2>(b); }
  static V::Groups scales(const Block& b) { return odd_nibbles(b.scales); }
  template <class W, int g>
  static auto codes(const Source& s) {
    return signed_points<W>(kGridIQ2_S, s.index + 4 * g, s.index + (4 * g + 4 * kStep) % 32, s.block->signs + 4 * g);
  }
};

// As IQ2_XXS with an index for 4 weights; signs and half scales lie behind the indices.
struct IQ3_XXS : GridCodec<TensorType::IQ3_XXS, BlockIQ3_XXS, 4> {
  static constexpr bool kSigned = true;
  static constexpr int kMost = 62, kStep = 1;
  struct Source {
    alignas(32) uint32_t signs[8];
    const Block* block;
  };
  COTERIE_INLINE static Source source(const Block& b) {
    U64x4 signs;
    read(signs, b.signs);
    unpack_signs(signs);
    Source s;
    write(s.signs, signs);
    s.block = &b;
    return s;
  }
  static V::Groups scales(const Block& b) {
    uint64_t halves = 0;
    for (int g = 0; g < 8; ++g) halves |= load_bytes(b.signs + 4 * g, 4) >> 28 << 8 * g;
    return V::doubled(odd(halves));
  }
  template <class W, int g>
  static auto codes(const Source& s) {
    return signed_points<W>(kGridIQ3_XXS, s.block->index + 8 * g, s.block->index + (8 * g + 8 * kStep) % 64, s.signs + g);
  }
};

// Nine bits of index for 4 weights, a byte of signs for 8.
struct IQ3_S : GridCodec<TensorType::IQ3_S, BlockIQ3_S, 1> {
  static constexpr bool kSigned = true;
  static constexpr int kMost = 15, kStep = 1;
  using Source = Indices<Block, 64>;
  COTERIE_INLINE static Source source(const Block& b) { return unpack_indices<Source, 1, 1>(b); }
  static V::Groups scales(const Block& b) { return V::doubled(odd(fields<4>(load_bytes(b.scales, 4)))); }
  template <class W, int g>
  static auto codes(const Source& s) {
    return signed_points<W>(kGridIQ3_S, s.index + 8 * g, s.index + (8 * g + 8 * kStep) % 64, s.block->signs + 4 * g);
  }
};

// Eleven bits of index for 8 weights, which are then moved by an eighth: up or, where a bit is set, down. In eighths and
// with 9 added, so that codes are not negative, that is what the grid has plus 2 or 0.
//
// A word for each group: three bits of each index, half the scale in three bits, the direction.
struct IQ1_S : GridCodec<TensorType::IQ1_S, BlockIQ1_S, 8> {
  static constexpr int kMost = 18, kZero = 9, kStep = 1;
  using Source = Indices<Block, 32>;
  COTERIE_INLINE static Source source(const Block& b) { return unpack_indices<Source, 4, 3>(b); }
  static V::Groups scales(const Block& b) {
    const auto twice = [](uint64_t words) {
      return ((words >> 11 & 0x000e000e000e000e) | 0x0001000100010001) * 0x101;
    };
    return V::groups(twice(load_bytes(b.high, 8)), twice(load_bytes(b.high + 8, 8)));
  }
  template <class W, int g>
  static auto codes(const Source& s) {
    return W::either(points<W>(kGridIQ1, s.index + 4 * g, s.index + (4 * g + 4 * kStep) % 32), of_groups<W, g>([&](auto i) {
      const uint64_t up = s.block->high[2 * i.value + 1] < 128 ? each_byte(2) : 0;
      return V::quads(up, up, up, up);
    }));
  }
};

// A nibble for each index: three bits of it and the direction. The top nibbles of the four words of scales are d; the
// rest is half a scale in three bits for each 16 weights.
struct IQ1_M : GridCodec<TensorType::IQ1_M, BlockIQ1_M, 8> {
  static constexpr int kMost = 18, kZero = 9, kGroup = 16, kStep = 1;
  struct Source {
    alignas(32) uint16_t index[32];
    alignas(32) uint16_t up[32];  // for each index what two codes have added: 0x0202 or 0
  };
  template <int kRows, class At>
  static auto d(const At& block) {
    return V::mul(V::template halves<kRows>([&](int r) {
      const uint64_t s = load_bytes(block(r).scales, 8);
      return static_cast<f16_bits>((s >> 12 & 0xf) | (s >> 24 & 0xf0) | (s >> 36 & 0xf00) | (s >> 48 & 0xf000));
    }), 0.125f);
  }
  COTERIE_INLINE static Source source(const Block& b) {
    Source s;
    for (int i = 0; i < 2; ++i) {
      unpack_indices<4, 3, 4>(s.index + 16 * i, b.index + 16 * i, b.high + 8 * i);
      U16x16 nibbles, factors;
      read(factors, kFactors<4, 12, 4>.v);
      repeat<4>(nibbles, b.high + 8 * i);
      nibbles *= factors;
      I16x16 down;
      read(down, &nibbles);
      write(s.up + 16 * i, (down >= 0) & 0x0202);
    }
    return s;
  }
  static V::Groups scales(const Block& b) {
    const auto eight = [](uint64_t words) { return odd(fields<3>((words & 0xfff) | (words >> 4 & 0xfff000))); };
    return V::groups(eight(load_bytes(b.scales, 4)), eight(load_bytes(b.scales + 4, 4)));
  }
  template <class W, int g>
  static auto codes(const Source& s) {
    return W::either(points<W>(kGridIQ1, s.index + 4 * g, s.index + (4 * g + 4 * kStep) % 32), of_groups<W, g>([&](auto i) {
      U16x16 up;
      repeat<4>(up, s.up + 4 * i.value);
      return V::load(&up);
    }));
  }
};
