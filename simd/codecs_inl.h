// Every weight format once, as a codec to one normal form, block by block:
//   w = d * (code - kZero) + m                            blocks of 32 that meet ActBlock32, or kParts parts of a block each
//                                                         of which does; m where kMins; where kGroup is 16, d for the
//                                                         first 16 weights and last_d for the others
//   w = d * scale * (code - kZero) - dmin * min           blocks of 256 that meet ActBlock256; a scale for 16 weights,
//                                                         dmin and mins where kMins
// Each isa_*.cpp includes this inside its own anonymous namespace, after defining V, its few operations on blocks:
//   Codes             32 bytes, unsigned codes or int8: load, quads, eights, nibbles, nibbles_of_eight, crumbs, spread,
//                     bits, either, lookup, digits; negate, which may give a type that converts to Codes
//   Groups            16 int8: the scales or mins of a block of 256, in order of weights: groups, doubled, bits
//   floats            one for each of kRows rows: halves<kRows>, powers<kRows>, e4m3<kRows>; mul
// W in a codec is V, or what has the same operations on 64 bytes (wide_inl.h) or loads them elsewhere (transposed_inl.h).
// A codec never looks at activations: blocks_inl.h and gemm_inl.h do, with further operations of V.
// A new format: its block in formats.h, a struct in one of the files below, its name in Formats at the end.

inline uint64_t load_bytes(const void* p, size_t n) {  // little-endian
  uint64_t v = 0;
  __builtin_memcpy(&v, p, n);
  return v;
}

// The same number in each byte, and sums that stay within theirs.
constexpr uint64_t each_byte(uint64_t n) { return n * 0x0101010101010101; }
constexpr uint64_t minus(uint64_t bytes, uint64_t n) {  // int8 from bytes less than 128; n <= 128
  return ((bytes | each_byte(0x80)) - each_byte(n)) ^ each_byte(0x80);
}
// Eight fields of kBits bits, one to a byte.
template <int kBits>
constexpr uint64_t fields(uint64_t v) {
  constexpr uint64_t one = 1;
  v = (v | v << (32 - 4 * kBits)) & 0x0000000100000001 * ((one << 4 * kBits) - 1);
  v = (v | v << (16 - 2 * kBits)) & 0x0001000100010001 * ((one << 2 * kBits) - 1);
  return (v | v << (8 - kBits)) & each_byte((one << kBits) - 1);
}

// What most formats have in common.
template <TensorType kTensorType, class BlockOf, class ActBlock>
struct Codec {
  static constexpr TensorType kType = kTensorType;
  using Block = BlockOf;
  using Act = ActBlock;
  static constexpr bool kSigned = false;  // codes are int8
  static constexpr int kZero = 0;         // of codes that are not signed
  static constexpr bool kMins = false;
  static constexpr bool kFields = false;   // FieldCodec
  static constexpr bool kSixBits = false;  // a block begins with d, dmin and the twelve bytes of SixBits
  static constexpr int kGroup = 32;       // weights that share a scale: 16, or 32 where scales come in equal pairs
  // What codes of a block of 256 takes: the block itself, or what a codec unpacks for all groups together.
  struct Source {
    const Block* block;
    operator const Block&() const { return *block; }
  };
  static Source source(const Block& b) { return {&b}; }
  // What codes, d and m take of a block, for each block of activations that it meets.
  static constexpr int kParts = 1;
  static const Block& part(const Block& b, int) { return b; }
  // The factors of kRows rows, where block(r) is the block of row r.
  template <int kRows, class At>
  static auto d(const At& block) {
    return V::template halves<kRows>([&](int r) { return block(r).d; });
  }
  template <int kRows, class At>
  static auto m(const At& block) {
    return V::template halves<kRows>([&](int r) { return block(r).m; });
  }
  template <int kRows, class At>
  static auto dmin(const At& block) {
    return V::template halves<kRows>([&](int r) { return block(r).dmin; });
  }
};

// Whether W's codes are those of two blocks or groups.
template <class W>
constexpr bool kWide = sizeof(typename W::Codes) == 64;

// V's codes that get(Index<g>{}) makes, with those of the next group where W's are twice as long.
template <class W, int g, class Get>
COTERIE_INLINE typename W::Codes of_groups(const Get& get) {
  if constexpr (kWide<W>) return W::join(get(Index<g>{}), get(Index<(g + 1) % 8>{}));
  else return get(Index<g>{});
}

// Each has kMost: the greatest magnitude of a code. Those of 256 have kStep: codes of groups g and g + kStep can be made
// together.
#include "codecs_32_inl.h"

#include "codecs_parts_inl.h"

#include "codecs_256_inl.h"

#include "codecs_grid_inl.h"

template <class... F>
struct List {};
using Formats = List<Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, MXFP4, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K, IQ4_XS, TQ1_0, TQ2_0,
                     IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S, Q1_0, Q2_0, NVFP4>;
