// Formats whose blocks meet several blocks of 32 activations; included by codecs_inl.h. Their parts of 32 weights are to
// the loops what blocks of 32 are; codes<W> are those of one part or, where W's are twice as long, of two.

template <class BlockOf>
struct Part {
  const BlockOf& block;
  int number;
};

template <TensorType kTensorType, class BlockOf>
struct PartCodec : Codec<kTensorType, BlockOf, ActBlock32> {
  static constexpr int kParts = type_info(kTensorType).block_elems / 32;
  static Part<BlockOf> part(const BlockOf& b, int number) { return {b, number}; }
  template <int kRows, class At>
  static auto d(const At& part) {
    return V::template halves<kRows>([&](int r) { return part(r).block.d; });
  }
};

// The codes of a bit are 0 and 2.
struct Q1_0 : PartCodec<TensorType::Q1_0, BlockQ1_0> {
  static constexpr int kMost = 2, kZero = 1;
  template <class W, class... P>
  static typename W::Codes codes(const P&... p) {
    return W::template spread<2>(static_cast<uint32_t>(load_bytes(p.block.q + 4 * p.number, 4))...);
  }
};

struct Q2_0 : PartCodec<TensorType::Q2_0, BlockQ2_0> {
  static constexpr int kMost = 3, kZero = 1;
  template <class W, class... P>
  static typename W::Codes codes(const P&... p) { return W::crumbs(p.block.q + 8 * p.number...); }
};

// Codes as in MXFP4. A scale for 16 weights, of four bits of exponent, three of mantissa and no sign (E4M3, OCP 8-bit
// Floating Point Specification). As ggml has it, the top bit is ignored and 7f is 0, but ff is 480.
struct NVFP4 : PartCodec<TensorType::NVFP4, BlockNVFP4> {
  static constexpr int kMost = 24, kZero = 12, kGroup = 16;
  template <class W, class... P>
  static typename W::Codes codes(const P&... p) {
    return W::lookup(kTwelveAndTwiceE2M1, W::nibbles_of_eight(p.block.q + 16 * p.number...));
  }
  template <int kRows, class At>
  static auto d(const At& part) { return half_scale<kRows>(part, 0); }
  template <int kRows, class At>
  static auto last_d(const At& part) { return half_scale<kRows>(part, 1); }

 private:
  template <int kRows, class At>
  static auto half_scale(const At& part, int side) {  // of E2M1, of which codes are twice the value
    const auto four = [&](int r) { return static_cast<uint32_t>(load_bytes(part(r).block.d, 4)); };
    return V::mul(V::template e4m3<kRows>(four, 2 * part(0).number + side), 128);
  }
};
