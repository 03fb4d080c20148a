// Every weight format once, as a codec to one normal form, block by block:
//   w = d * (code - kZero) + m                            blocks of 32 that meet ActBlock32
//   w = d * scale * (code - kZero) - dmin * min           blocks of 256 that meet ActBlock256; a scale for 16 weights
// Each isa_*.cpp includes this inside its own anonymous namespace, after defining V, its few operations on blocks:
//   Codes             32 bytes, unsigned codes or int8: load, nibbles, fifth_bits, bits, either
//   Groups            16 int8: the scales or mins of a block of 256, in order of weights: groups, doubled
//   floats            halves<kRows>: the halves of kRows rows as floats; mul
// A codec never looks at activations: gemv_inl.h and gemm_inl.h do, with further operations of V.
// A new format: its block in formats.h, a struct here, its name in Formats at the end.

inline uint64_t load_bytes(const void* p, size_t n) {  // little-endian
  uint64_t v = 0;
  __builtin_memcpy(&v, p, n);
  return v;
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
  static constexpr int kGroup = 32;       // weights that share a scale: 16, or 32 where scales come in equal pairs
  // The factor d of kRows rows, where block(r) is the block of row r.
  template <int kRows, class At>
  static auto d(const At& block) {
    return V::template halves<kRows>([&](int r) { return block(r).d; });
  }
};

// Blocks of 32. kMost: the greatest magnitude of a code.

struct Q8_0 : Codec<TensorType::Q8_0, BlockQ8_0, ActBlock32> {
  static constexpr bool kSigned = true;
  static constexpr int kMost = 128;
  static V::Codes codes(const Block& b) { return V::load(b.q); }
};

struct Q4_0 : Codec<TensorType::Q4_0, BlockQ4_0, ActBlock32> {
  static constexpr int kMost = 15, kZero = 8;
  static V::Codes codes(const Block& b) { return V::nibbles(b.q); }
};

struct Q5_0 : Codec<TensorType::Q5_0, BlockQ5_0, ActBlock32> {
  static constexpr int kMost = 31, kZero = 16;
  static V::Codes codes(const Block& b) {
    return V::either(V::nibbles(b.q), V::fifth_bits(static_cast<uint32_t>(load_bytes(b.high, 4))));
  }
};

// Blocks of 256: codes<g> are those of weights 32 g to 32 g + 31.

// The twelve bytes of Q4_K and Q5_K hold eight scales and eight mins of 6 bits. Bytes 0-3 and 4-7: scales and mins
// 0-3 in the low six bits, bits 4-5 of scales and mins 4-7 in the high two. Bytes 8-11: their bits 0-3, mins on top.
struct SixBits {
  uint64_t scales, mins;  // eight bytes each
  explicit SixBits(const uint8_t* s) {
    const uint64_t first = load_bytes(s, 8), last = load_bytes(s + 8, 4);
    const uint64_t low = first & 0x3f3f3f3f3f3f3f3f;  // scales 0-3, mins 0-3
    const uint64_t high = (first >> 2 & 0x3030303030303030) | ((last | last << 28) & 0x0f0f0f0f0f0f0f0f);  // and 4-7
    scales = (low & 0xffffffff) | high << 32;
    mins = low >> 32 | (high & 0xffffffff00000000);
  }
};

struct Q4_K : Codec<TensorType::Q4_K, BlockQ4_K, ActBlock256> {
  static constexpr int kMost = 15;
  static constexpr bool kMins = true;
  static V::Groups scales(const Block& b) { return V::doubled(SixBits(b.scales).scales); }
  static V::Groups mins(const Block& b) { return V::doubled(SixBits(b.scales).mins); }
  template <int kRows, class At>
  static auto dmin(const At& block) {
    return V::template halves<kRows>([&](int r) { return block(r).dmin; });
  }
  template <int g>
  static V::Codes codes(const Block& b) {  // 32 bytes hold group g in their low, g + 1 in their high nibbles
    return V::template bits<g % 2 * 4, 15>(V::load(b.q + g / 2 * 32));
  }
};

struct Q5_K : Codec<TensorType::Q5_K, BlockQ5_K, ActBlock256> {
  static constexpr int kMost = 31;
  static constexpr bool kMins = true;
  static V::Groups scales(const Block& b) { return V::doubled(SixBits(b.scales).scales); }
  static V::Groups mins(const Block& b) { return V::doubled(SixBits(b.scales).mins); }
  template <int kRows, class At>
  static auto dmin(const At& block) {
    return V::template halves<kRows>([&](int r) { return block(r).dmin; });
  }
  template <int g>
  static V::Codes codes(const Block& b) {  // bit g of high[i] is the fifth bit of code i of group g
    return V::either(V::template bits<g % 2 * 4, 15>(V::load(b.q + g / 2 * 32)),
                     V::template bits<g - 4, 16>(V::load(b.high)));
  }
};

struct Q6_K : Codec<TensorType::Q6_K, BlockQ6_K, ActBlock256> {
  static constexpr int kMost = 63, kZero = 32, kGroup = 16;
  static V::Groups scales(const Block& b) { return V::groups(b.scales); }
  template <int g>
  static V::Codes codes(const Block& b) {  // in halves of four groups: 64 bytes of low and 32 of high bits
    constexpr int half = g / 4, part = g % 4;
    return V::either(V::template bits<part / 2 * 4, 15>(V::load(b.low + 64 * half + 32 * (part % 2))),
                     V::template bits<2 * part - 4, 48>(V::load(b.high + 32 * half)));
  }
};

template <class... F>
struct List {};
using Formats = List<Q4_0, Q5_0, Q8_0, Q4_K, Q5_K, Q6_K>;
