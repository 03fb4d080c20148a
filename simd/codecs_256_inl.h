// Formats of blocks of 256 whose codes are fields of bits; included by codecs_inl.h.
// codes<W, g> are those of group g, weights 32 g to 32 g + 31, and where W's are twice as long, of group g + kStep too.

// Fields that lie in the same 32 bytes for all groups: kShift bits up for group g, and kStep more for the next one.
template <class W, int kShift, int kStep, int kMask, class Bytes>
typename W::Codes shared_bits(Bytes p) {
  if constexpr (kWide<W>) return W::template shared_bits<kShift, kStep, kMask>(p);
  else return W::template bits<kShift, kMask>(W::load(p));
}

// Codes are codes_of<W, g>(b): b is a block, or what has members of the same names (transposed_inl.h). Q5_K and Q6_K would
// be unpacked no faster so.
template <class Self, TensorType kTensorType, class BlockOf>
struct FieldCodec : Codec<kTensorType, BlockOf, ActBlock256> {
  static constexpr bool kFields = true;
  template <class W, int g>
  static typename W::Codes codes(const BlockOf& b) { return Self::template codes_of<W, g>(b); }
};

struct Q2_K : FieldCodec<Q2_K, TensorType::Q2_K, BlockQ2_K> {
  static constexpr int kMost = 3, kGroup = 16, kStep = 4;
  static constexpr bool kMins = true;
  static V::Groups scales(const Block& b) { return V::template bits<0, 15>(V::groups(b.scales)); }
  static V::Groups mins(const Block& b) { return V::template bits<4, 15>(V::groups(b.scales)); }
  template <class W, int g, class Fields>
  static typename W::Codes codes_of(const Fields& b) {  // in halves of four groups, each two bits of 32 bytes
    return W::template bits<g % 4 * 2, 3>(W::load(b.q + g / 4 * 32));
  }
};

struct Q3_K : FieldCodec<Q3_K, TensorType::Q3_K, BlockQ3_K> {
  static constexpr int kMost = 7, kZero = 4, kGroup = 16, kStep = 4;
  // Six bits plus 32: the low four of scales i and i + 8 in byte i; of scales j, j + 4, j + 8, j + 12 the high two in
  // byte 8 + j.
  static V::Groups scales(const Block& b) {
    const uint64_t low = load_bytes(b.scales, 8), high = load_bytes(b.scales + 8, 4);
    const uint64_t first = (low & each_byte(15)) | ((high | high << 30) & each_byte(3)) << 4;
    const uint64_t last = (low >> 4 & each_byte(15)) | ((high >> 4 | high << 26) & each_byte(3)) << 4;
    return V::groups(minus(first, 32), minus(last, 32));
  }
  template <class W, int g, class Fields>
  static typename W::Codes codes_of(const Fields& b) {  // two bits as in Q2_K; bit g of high[i] is the third of code i of group g
    return W::either(W::template bits<g % 4 * 2, 3>(W::load(b.q + g / 4 * 32)),
                     shared_bits<W, g - 2, 4, 4>(b.high));
  }
};

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

struct Q4_K : FieldCodec<Q4_K, TensorType::Q4_K, BlockQ4_K> {
  static constexpr int kMost = 15, kStep = 2;
  static constexpr bool kMins = true, kSixBits = true;
  static V::Groups scales(const Block& b) { return V::doubled(SixBits(b.scales).scales); }
  static V::Groups mins(const Block& b) { return V::doubled(SixBits(b.scales).mins); }
  template <class W, int g, class Fields>
  static typename W::Codes codes_of(const Fields& b) {  // 32 bytes hold group g in their low, g + 1 in their high nibbles
    return W::template bits<g % 2 * 4, 15>(W::load(b.q + g / 2 * 32));
  }
};

struct Q5_K : Codec<TensorType::Q5_K, BlockQ5_K, ActBlock256> {
  static constexpr int kMost = 31, kStep = 2;
  static constexpr bool kMins = true, kSixBits = true;
  static V::Groups scales(const Block& b) { return V::doubled(SixBits(b.scales).scales); }
  static V::Groups mins(const Block& b) { return V::doubled(SixBits(b.scales).mins); }
  template <class W, int g>
  static typename W::Codes codes(const Block& b) {  // bit g of high[i] is the fifth bit of code i of group g
    return W::either(W::template bits<g % 2 * 4, 15>(W::load(b.q + g / 2 * 32)),
                     shared_bits<W, g - 4, 2, 16>(b.high));
  }
};

struct Q6_K : Codec<TensorType::Q6_K, BlockQ6_K, ActBlock256> {
  static constexpr int kMost = 63, kZero = 32, kGroup = 16, kStep = 1;
  static V::Groups scales(const Block& b) { return V::groups(b.scales); }
  template <class W, int g>
  static typename W::Codes codes(const Block& b) {  // in halves of four groups: 64 bytes of low and 32 of high bits
    constexpr int half = g / 4, part = g % 4;
    return W::either(W::template bits<part / 2 * 4, 15>(W::load(b.low + 64 * half + 32 * (part % 2))),
                     shared_bits<W, 2 * part - 4, 2, 48>(b.high + 32 * half));
  }
};

struct IQ4_XS : Codec<TensorType::IQ4_XS, BlockIQ4_XS, ActBlock256> {
  static constexpr bool kSigned = true;
  static constexpr int kMost = 127, kStep = 1;
  static V::Groups scales(const Block& b) {  // six bits plus 32
    const uint64_t scales = fields<4>(load_bytes(b.scales_low, 4)) | fields<2>(load_bytes(b.scales_high, 2)) << 4;
    return V::doubled(minus(scales, 32));
  }
  template <class W, int g>
  static typename W::Codes codes(const Block& b) { return W::lookup(kUnevenSteps, W::nibbles(b.q + 16 * g)); }
};

struct TQ2_0 : FieldCodec<TQ2_0, TensorType::TQ2_0, BlockTQ2_0> {
  static constexpr int kMost = 3, kZero = 1, kStep = 4;
  static V::Groups scales(const Block&) { return V::groups(each_byte(1), each_byte(1)); }
  template <class W, int g, class Fields>
  static typename W::Codes codes_of(const Fields& b) {  // two bits as in Q2_K
    return W::template bits<g % 4 * 2, 3>(W::load(b.q + g / 4 * 32));
  }
};

// A byte of TQ1_0 holds five digits to base 3, as a fraction of 256: times 3^n, its fraction begins with digit n.
// Codes 0-159 are digits 0-4 of bytes 0-31, 160-239 those of bytes 32-47, 240-255 digits 0-3 of the last four bytes.
struct alignas(64) Powers {  // of 3, for each code of each group
  uint8_t of[8][32];
  constexpr Powers() : of() {
    for (int i = 0; i < 256; ++i) {
      const int digit = i < 160 ? i / 32 : i < 240 ? i / 16 - 10 : i / 4 - 60;
      of[i / 32][i % 32] = 1;
      for (int n = 0; n < digit; ++n) of[i / 32][i % 32] *= 3;
    }
  }
};
constexpr Powers kPowers;

struct TQ1_0 : Codec<TensorType::TQ1_0, BlockTQ1_0, ActBlock256> {
  static constexpr int kMost = 2, kZero = 1, kStep = 1;
  static V::Groups scales(const Block&) { return V::groups(each_byte(1), each_byte(1)); }
  template <class W, int g>
  static typename W::Codes codes(const Block& b) {
    return W::digits(of_groups<W, g>([&](auto i) { return bytes<i.value>(b); }), kPowers.of[g]);
  }

 private:
  template <int g>
  static V::Codes bytes(const Block& b) {
    if constexpr (g < 5) return V::load(b.q);
    const uint64_t first = load_bytes(b.q + 32, 8), second = load_bytes(b.q + 40, 8);
    if constexpr (g < 7) return V::quads(first, second, first, second);
    const uint64_t last = load_bytes(b.last, 4) * 0x0000000100000001;
    return V::quads(first, second, last, last);
  }
};
