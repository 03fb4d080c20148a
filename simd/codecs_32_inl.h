// Formats of blocks of 32; included by codecs_inl.h.
// codes<W> are those of one block or, where W's are twice as long, of two.

struct Q8_0 : Codec<TensorType::Q8_0, BlockQ8_0, ActBlock32> {
  static constexpr bool kSigned = true;
  static constexpr int kMost = 128;
  template <class W, class... B>
  static typename W::Codes codes(const B&... b) { return W::load(b.q...); }
};

struct Q4_0 : Codec<TensorType::Q4_0, BlockQ4_0, ActBlock32> {
  static constexpr int kMost = 15, kZero = 8;
  template <class W, class... B>
  static typename W::Codes codes(const B&... b) { return W::nibbles(b.q...); }
};

struct Q5_0 : Codec<TensorType::Q5_0, BlockQ5_0, ActBlock32> {
  static constexpr int kMost = 31, kZero = 16;
  template <class W, class... B>
  static typename W::Codes codes(const B&... b) {
    return W::either(W::nibbles(b.q...), W::template spread<16>(static_cast<uint32_t>(load_bytes(b.high, 4))...));
  }
};

struct Q4_1 : Codec<TensorType::Q4_1, BlockQ4_1, ActBlock32> {
  static constexpr int kMost = 15;
  static constexpr bool kMins = true;
  template <class W, class... B>
  static typename W::Codes codes(const B&... b) { return W::nibbles(b.q...); }
};

struct Q5_1 : Codec<TensorType::Q5_1, BlockQ5_1, ActBlock32> {
  static constexpr int kMost = 31;
  static constexpr bool kMins = true;
  template <class W, class... B>
  static typename W::Codes codes(const B&... b) {
    return W::either(W::nibbles(b.q...), W::template spread<16>(static_cast<uint32_t>(load_bytes(b.high, 4))...));
  }
};

// What the nibbles of IQ4_NL and IQ4_XS stand for.
alignas(16) constexpr int8_t kUnevenSteps[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                 1,    13,   25,  38,  53,  69,  89,  113};

struct IQ4_NL : Codec<TensorType::IQ4_NL, BlockIQ4_NL, ActBlock32> {
  static constexpr bool kSigned = true;
  static constexpr int kMost = 127;
  template <class W, class... B>
  static typename W::Codes codes(const B&... b) { return W::lookup(kUnevenSteps, W::nibbles(b.q...)); }
};

// Four bits of sign, exponent and mantissa (E2M1, OCP Microscaling Formats v1.0): +-{0, 0.5, 1, 1.5, 2, 3, 4, 6}. The
// codes are twice that plus 12, so that they need no sign.
alignas(16) constexpr int8_t kTwelveAndTwiceE2M1[16] = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};

struct MXFP4 : Codec<TensorType::MXFP4, BlockMXFP4, ActBlock32> {
  static constexpr int kMost = 24, kZero = 12;
  template <class W, class... B>
  static typename W::Codes codes(const B&... b) { return W::lookup(kTwelveAndTwiceE2M1, W::nibbles(b.q...)); }
  template <int kRows, class At>
  static auto d(const At& block) {  // half the scale of E2M1
    return V::template powers<kRows>([&](int r) { return block(r).exponent; });
  }
};
